"""Conversations: a history in the provider's own form, kept valid turn by turn.

chat = nbstream.Chat("anthropic:<model>", system="Be brief.", tools=[f])
chat("hello")
chat.messages
chat.panel()        # one widget to read it and to go on with it; see ``chat.panel``
chat.to_markdown()  # what was said, safe to put into a Markdown cell
"""

from nbstream.chat.chat import Chat

__all__ = ["Chat"]
