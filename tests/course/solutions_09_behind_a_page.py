"""Lesson 09: right solutions in several ways, and one for each trap."""

ENDPOINTS = {
    "with": """
async def frames(stream):
    async with stream:
        try:
            async for text in stream:
                yield "data: " + json.dumps({"text": text}) + "\\n\\n"
        except Exception as error:
            told = {"error": f"Sorry: {type(error).__name__}."}
            yield f"data: {json.dumps(told)}\\n\\n"
""",
    "aclosing": """
async def frames(stream):
    async with contextlib.aclosing(stream) as texts:
        try:
            while True:
                data = json.dumps({"text": await anext(texts)})
                yield sse.encode(sse.ServerSentEvent(data=data))
        except StopAsyncIteration:
            pass
        except Exception:
            yield sse.encode(sse.ServerSentEvent(data='{"error": "no"}'))
""",
}
ENDPOINT_TRAPS = {
    "unescaped": (
        """
async def frames(stream):
    async for text in stream:
        yield f"data: {text}\\n\\n"
""",
        "two events",
    ),
    "the quotes alone": (
        """
async def frames(stream):
    async for text in stream:
        yield f'data: {{"text": "{text}"}}\\n\\n'
    await stream.close()
""",
        "line breaks",
    ),
    "collected": (
        """
async def frames(stream):
    for text in [text async for text in stream]:
        yield f"data: {json.dumps({'text': text})}\\n\\n"
    await stream.close()
""",
        "texts taken",
    ),
    "never closed": (
        """
async def frames(stream):
    async for text in stream:
        yield f"data: {json.dumps({'text': text})}\\n\\n"
""",
        "closed at the end",
    ),
    "closed at the end only": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    except Exception:
        yield 'data: {"error": "no"}\\n\\n'
    await stream.close()
""",
        "when the reader leaves",
    ),
    "closed when it is left at a yield only": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    except (Exception, GeneratorExit) as error:
        await stream.close()
        if isinstance(error, Exception):
            yield 'data: {"error": "no"}\\n\\n'
        return
    await stream.close()
""",
        "in silence",
    ),
    "everything caught": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    except BaseException:
        yield 'data: {"error": "no"}\\n\\n'
    finally:
        await stream.close()
""",
        "when the reader leaves",
    ),
    "not closed after a failure": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
        await stream.close()
    except (GeneratorExit, asyncio.CancelledError):
        await stream.close()
        raise
    except Exception:
        yield 'data: {"error": "no"}\\n\\n'
""",
        "the service fails",
    ),
    "a failure not told": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    finally:
        await stream.close()
""",
        "the service fails",
    ),
    "the service quoted": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    except Exception as error:
        yield f"data: {json.dumps({'error': str(error)})}\\n\\n"
    finally:
        await stream.close()
""",
        "the service fails",
    ),
    "the service quoted in part": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    except Exception as error:
        yield f"data: {json.dumps({'error': str(error)[:22]})}\\n\\n"
    finally:
        await stream.close()
""",
        "the service fails",
    ),
}
BROWSERS = {
    "the decoder of the library": """
def texts(pieces):
    decoder, kinds = sse.Decoder(), set()
    for piece in pieces:
        for event in decoder.feed(piece):
            if event.data != "[DONE]":
                chunk = json.loads(event.data)
                kinds.add(chunk["type"])
                if chunk["type"] == "text-delta":
                    yield chunk["delta"]
    if "finish" not in kinds:
        raise ConnectionResetError
""",
    "whole events, as bytes": """
def texts(pieces):
    rest, ended = b"", False
    for piece in pieces:
        *events, rest = (rest + piece).split(b"\\n\\n")
        for event in events:
            if event.startswith(b"data:{") or event.startswith(b"data: {"):
                chunk = json.loads(event[5:])
                ended = ended or chunk["type"] == "finish"
                if chunk["type"] == "text-delta":
                    yield chunk["delta"]
    if not ended:
        raise ConnectionError("broken off")
""",
}
_LOOP = """
            if line.startswith("data:") and "[DONE]" not in line[:14]:
                chunk = json.loads(line[5:])
                whole = whole or chunk["type"] == "finish"
                if chunk["type"] == "text-delta":
                    yield chunk["delta"]
    if not whole:
        raise ConnectionError
"""
_HEAD = """
def texts(pieces):
    whole, rest = False, ""
    for piece in pieces:
"""
_DECODER = '    decoder = codecs.getincrementaldecoder("utf-8")()\n'
_CAREFUL = f"""
def texts(pieces):
    whole, rest = False, ""
{_DECODER}    for piece in pieces:
        *lines, rest = (rest + decoder.decode(piece)).split("\\n")
        for line in lines:{_LOOP}"""
MISREADINGS = {
    "lines of each read": (
        _HEAD + """        for line in piece.decode().split("\\n"):""" + _LOOP,
        "single bytes",
    ),
    "a decoder for each piece": (
        """
def texts(pieces):
    kinds = set()
    for piece in pieces:
        for event in sse.Decoder().feed(piece):
            if event.data != "[DONE]":
                chunk = json.loads(event.data)
                kinds.add(chunk["type"])
                if chunk["type"] == "text-delta":
                    yield chunk["delta"]
    if "finish" not in kinds:
        raise ConnectionError
""",
        "single bytes",
    ),
    "characters cut": (
        _HEAD
        + """        *lines, rest = (rest + piece.decode()).split("\\n")
        for line in lines:"""
        + _LOOP,
        "single bytes",
    ),
    "bytes left out": (
        _HEAD
        + """        *lines, rest = (rest + piece.decode(errors="ignore")).split("\\n")
        for line in lines:"""
        + _LOOP,
        "single bytes",
    ),
    "splitlines": (
        "def texts(pieces):\n    whole = False\n    for _ in '1':\n"
        "        for line in b''.join(pieces).decode().splitlines():" + _LOOP,
        "all in one piece",
    ),
    "all read first": (
        "def texts(pieces):\n    whole = False\n    for _ in '1':\n"
        "        for line in b''.join(pieces).decode().split('\\n'):" + _LOOP,
        "as soon as",
    ),
    "any delta": (
        _CAREFUL.replace('chunk["type"] == "text-delta"', '"delta" in chunk'),
        "all in one piece",
    ),
    "the space is a must": (
        _CAREFUL.replace('"data:")', '"data: ")'),
        "no space",
    ),
    "the end is the end": (
        _CAREFUL.replace("if not whole", "if False"),
        "no finish",
    ),
    "an error is an end": (
        _CAREFUL.replace('== "finish"', 'in ("finish", "error")'),
        "an error",
    ),
    "an answer that speaks of it": (
        _CAREFUL.replace('chunk["type"] == "finish"', '"finish" in line'),
        "an error",
    ),
    "told by [DONE]": (
        _CAREFUL.replace(
            "        for line in lines:",
            '        whole = whole or "[DONE]" in rest or "data: [DONE]" in lines\n'
            "        for line in lines:",
        ),
        "no finish",
    ),
}

HEAD = "import asyncio, codecs, contextlib, json\nfrom nbstream import sse\n"
RIGHT = {
    "frames": {title: HEAD + source for title, source in ENDPOINTS.items()},
    "texts": {
        **{title: HEAD + source for title, source in BROWSERS.items()},
        "what the traps are put into": HEAD + _CAREFUL,
    },
}
TRAPS = {
    "frames": {
        name: (HEAD + one, word) for name, (one, word) in ENDPOINT_TRAPS.items()
    },
    "texts": {name: (HEAD + one, word) for name, (one, word) in MISREADINGS.items()},
}
