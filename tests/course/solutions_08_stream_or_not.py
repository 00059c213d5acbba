"""Solutions of lesson 08: right ones in several ways, and one for each trap."""

RIGHT = {
    "choose": {
        "question by question": """
def choose(reads_along, must_check, count, due):
    if count == 1:
        if must_check:
            return "call"
        if reads_along:
            return "stream"
        return "call"
    if due == "today":
        return "many"
    return "batch"
""",
        "by a table": """
def choose(reads_along, must_check, count, due):
    many = {"today": "many", "tomorrow": "batch"}
    one = {(True, False): "stream"}
    if count > 1:
        return many[due]
    return one.get((reads_along, must_check), "call")
""",
    },
    "ask_all": {
        "by workers that take the next": """
import asyncio

async def ask_all(ask, prompts, limit, tell):
    waiting = list(enumerate(prompts))
    answers = {}

    async def work():
        while waiting:
            at, prompt = waiting.pop(0)
            try:
                answers[at] = await ask(prompt)
            except Exception as error:
                answers[at] = error
            tell(f"{len(answers)} of {len(prompts)}")

    await asyncio.gather(*[work() for _ in range(limit)])
    return [answers[at] for at in range(len(prompts))]
""",
        "with return_exceptions": """
import asyncio

async def ask_all(ask, prompts, limit, tell):
    room = asyncio.Semaphore(limit)
    done = 0

    async def one(prompt):
        nonlocal done
        async with room:
            try:
                return await ask(prompt)
            finally:
                done += 1
                tell(f"{done} of {len(prompts)}")

    return await asyncio.gather(*map(one, prompts), return_exceptions=True)
""",
        "by tasks": """
import asyncio

async def ask_all(ask, prompts, limit, tell):
    room, done = asyncio.BoundedSemaphore(limit), []

    async def one(prompt):
        async with room:
            try:
                result = await ask(prompt)
            except RuntimeError as error:
                result = error
            done.append(result)
            tell(f"{len(done)} of {len(prompts)}")
            return result

    tasks = [asyncio.create_task(one(each)) for each in prompts]
    return [await task for task in tasks]
""",
    },
}

_HEAD = "import asyncio\n\nasync def ask_all(ask, prompts, limit, tell):\n"
_ONE = """    room, done = asyncio.Semaphore(limit), []

    async def one(prompt):
        async with room:
            try:
                answer = await ask(prompt)
            except Exception as error:
                answer = error
        done.append(prompt)
        tell(f"{len(done)} of {len(prompts)}")
        return answer

"""

TRAPS = {
    "choose": {
        "the reader wins over the check": (
            """
def choose(reads_along, must_check, count, due):
    if count > 1:
        return "batch" if due == "tomorrow" else "many"
    return "stream" if reads_along else "call"
""",
            "the check comes first",
        ),
        "always a stream": (
            'def choose(*_):\n    return "stream"',
            "nobody reads along",
        ),
        "the reader wins over the number": (
            """
def choose(reads_along, must_check, count, due):
    if reads_along and not must_check:
        return "stream"
    if count > 1:
        return "batch" if due == "tomorrow" else "many"
    return "call"
""",
            "twenty at once",
        ),
        "a batch by number alone": (
            """
def choose(reads_along, must_check, count, due):
    if count >= 1000:
        return "batch"
    if count > 1:
        return "many"
    return "stream" if reads_along and not must_check else "call"
""",
            "but today",
        ),
        "a batch of one": (
            """
def choose(reads_along, must_check, count, due):
    if due == "tomorrow":
        return "batch"
    if count > 1:
        return "many"
    return "stream" if reads_along and not must_check else "call"
""",
            "one is no batch",
        ),
        "two are not many": (
            """
def choose(reads_along, must_check, count, due):
    if count > 10:
        return "batch" if due == "tomorrow" else "many"
    return "stream" if reads_along and not must_check else "call"
""",
            "two are many",
        ),
        "the check calls each": (
            """
def choose(reads_along, must_check, count, due):
    if must_check:
        return "call"
    if count > 1:
        return "batch" if due == "tomorrow" else "many"
    return "stream" if reads_along else "call"
""",
            "checked tomorrow",
        ),
    },
    "ask_all": {
        "not async": (
            "def ask_all(ask, prompts, limit, tell):\n"
            "    return [each.upper() for each in prompts]",
            "a list",
        ),
        "as they end": (
            _HEAD
            + _ONE
            + "    found = []\n\n"
            + "    async def kept(prompt):\n"
            + "        found.append(await one(prompt))\n\n"
            + "    await asyncio.gather(*map(kept, prompts))\n"
            + "    return found",
            "order",
        ),
        "no limit": (
            _HEAD
            + _ONE.replace("Semaphore(limit)", "Semaphore(1000)")
            + "    return await asyncio.gather(*map(one, prompts))",
            "no more than the limit",
        ),
        "one by one": (
            _HEAD + _ONE + "    return [await one(each) for each in prompts]",
            "as many as the limit",
        ),
        "a failure ends all": (
            _HEAD
            + _ONE.replace("except Exception as error", "except KeyError as error")
            + "    return await asyncio.gather(*map(one, prompts))",
            "one failed",
        ),
        "what failed is left out": (
            _HEAD
            + _ONE
            + "    found = await asyncio.gather(*map(one, prompts))\n"
            + "    return [each for each in found if isinstance(each, str)]",
            "one failed",
        ),
        "what failed is not told": (
            _HEAD
            + _ONE.replace("answer = error", "return error")
            + "    return await asyncio.gather(*map(one, prompts))",
            "the progress",
        ),
        "told at the end": (
            _HEAD
            + _ONE.replace('tell(f"{len(done)} of {len(prompts)}")', "pass")
            + "    found = await asyncio.gather(*map(one, prompts))\n"
            + "    for number in range(1, len(found) + 1):\n"
            + '        tell(f"{number} of {len(prompts)}")\n'
            + "    return found",
            "as soon as",
        ),
    },
}
