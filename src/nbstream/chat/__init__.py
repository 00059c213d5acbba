"""Conversations: a history in the provider's own form, kept valid turn by turn.

chat = nbstream.Chat("anthropic:<model>", system="Be brief.", tools=[f])
chat("hello")
chat.messages
"""

from nbstream.chat.conversation import Chat

__all__ = ["Chat"]
