// A page with the hook that people use: useChat of the AI SDK. The test presses its
// buttons by `window.chat`, and reads what the hook rendered, now and before.
import { createRoot } from "react-dom/client";
import { useChat } from "@REACT@";
import * as ai from "@AI@";

const plan = Object.fromEntries(new URLSearchParams(location.search));
const transport = plan.transport === "websocket"
  ? new ai.WebSocketChatTransport({ url: `ws://${location.host}/api/ws` })
  : new ai.DefaultChatTransport();
window.finishes = [];
window.seen = []; // the states of parts, each as it was rendered first

function Part({ part }) {
  const said = JSON.stringify([part.type, part.state ?? "", part.input ?? null]);
  if (!seen.includes(said)) seen.push(said);
  return <p data-state={part.state}>{part.type}: {part.text ?? JSON.stringify(part.output)}</p>;
}

function Hook() {
  const chat = window.chat = useChat({
    id: "chat-1", transport, resume: plan.resume === "1",
    onFinish: ({ message, messages, ...how }) => finishes.push(how),
    sendAutomaticallyWhen: ai.lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  return <main data-status={chat.status}>
    {chat.messages.map((message) => <article key={message.id} aria-label={message.role}>
      {message.parts.map((part, at) => <Part key={at} part={part} />)}
    </article>)}
    <output>{chat.error?.message}</output>
  </main>;
}

createRoot(document.getElementById("root")).render(<Hook />);
