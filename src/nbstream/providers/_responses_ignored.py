"""The Responses events that say nothing to show, each one known by name."""

__all__ = ["IGNORED"]

#: They are counted in ``reply.ignored``, as events that nobody knows are; that a name
#: is here says that it was looked at.
IGNORED = frozenset(
    {
        # Sound: there is no player for it.
        "response.audio.delta",
        "response.audio.done",
        "response.audio.transcript.delta",
        "response.audio.transcript.done",
        # The whole of what came in fragments.
        "response.code_interpreter_call_code.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call_arguments.done",
        "response.mcp_call_arguments.done",
        "response.reasoning_summary_part.done",
        "response.shell_call_command.done",
        # How far the provider's own tools are; their items say what came of it.
        "response.code_interpreter_call.completed",
        "response.code_interpreter_call.in_progress",
        "response.code_interpreter_call.interpreting",
        "response.compaction.compacting",
        "response.file_search_call.completed",
        "response.file_search_call.in_progress",
        "response.file_search_call.searching",
        "response.image_generation_call.completed",
        "response.image_generation_call.generating",
        "response.image_generation_call.in_progress",
        "response.image_generation_call.partial_image",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.mcp_call.in_progress",
        "response.mcp_list_tools.completed",
        "response.mcp_list_tools.failed",
        "response.mcp_list_tools.in_progress",
        "response.shell_call_output_content.delta",
        "response.shell_call_output_content.done",
        "response.web_search_call.completed",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        # That it is still at work.
        "response.in_progress",
    }
)
