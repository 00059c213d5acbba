"""A server of aiohttp's: ``python aiohttp_server.py 8000``."""

import sys
from contextlib import aclosing

from aiohttp import web as server
from openai import OpenAI

from nbstream import web

client = OpenAI()


def answer(question):
    """Ask; where it is called, it does not hold up the server."""
    return client.chat.completions.create(
        model="gpt-5.6-luna",
        messages=[{"role": "user", "content": question}],
        stream=True,
    )


async def ask(request):
    """Answer with the events."""
    response = server.StreamResponse(headers=web.HEADERS)
    await response.prepare(request)
    question = request.match_info["question"]
    async with aclosing(web.encode(lambda: answer(question))) as stream:
        async for data in stream:
            await response.write(data)
    return response


app = server.Application()
app.router.add_get("/{question}", ask)
# Without `handler_cancellation` nobody tells the handler that the reader has left.
port = int(sys.argv[1])
server.run_app(app, host="127.0.0.1", port=port, handler_cancellation=True)
