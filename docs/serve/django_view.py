"""A view of Django, under ASGI: ``uvicorn django_view:app``."""

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import StreamingHttpResponse
from django.urls import path
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


async def ask(request, question):
    """Answer with the events."""
    stream = web.encode(lambda: answer(question))
    return StreamingHttpResponse(stream, headers=web.HEADERS)


urlpatterns = [path("<question>", ask)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"])
app = get_asgi_application()
