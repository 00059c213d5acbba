"""FastAPI's own server-sent events: ``uvicorn fastapi_events:app``."""

from fastapi import FastAPI
from fastapi.sse import EventSourceResponse
from openai import OpenAI

from nbstream import web

app, client = FastAPI(), OpenAI()


def answer(question):
    """Ask; where it is called, it does not hold up the server."""
    return client.chat.completions.create(
        model="gpt-5.6-luna",
        messages=[{"role": "user", "content": question}],
        stream=True,
    )


@app.get("/{question}", response_class=EventSourceResponse)
async def ask(question: str):
    """Give the chunks, which FastAPI writes as events."""
    async for chunk in web.chunks(lambda: answer(question)):
        yield chunk
