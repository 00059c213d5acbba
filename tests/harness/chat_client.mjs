// Drives a real chat client: class AbstractChat of the AI SDK, which useChat is made of.
// Reads one plan as JSON from stdin, and prints what the client made of it as JSON.
// {major, transport, url, actions: [["send", text] | ["until", text] | ["stop"] |
//  ["answer", approved] | ["resume"] | ["regenerate"] | ["messages", [...]]]}
import * as ai7 from "ai";
import * as ai5 from "ai-5";

const plan = JSON.parse(await new Response(process.stdin).text());
const ai = plan.major === 5 ? ai5 : ai7;

class State {
  status = "ready";
  error = undefined;
  messages = [];
  pushMessage = (message) => { this.messages = [...this.messages, message]; };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (at, message) => { this.messages = this.messages.with(at, structuredClone(message)); };
  snapshot = (thing) => structuredClone(thing);
}
class Chat extends ai.AbstractChat {}

const transport = plan.transport === "websocket"
  ? new ai.WebSocketChatTransport({ url: `${plan.url.replace("http", "ws")}/api/ws` })
  : new ai.DefaultChatTransport({ api: `${plan.url}/api/chat` });
const finishes = [];
const chat = new Chat({ id: plan.id ?? "chat-1", transport, state: new State(),
  onFinish: ({ message, messages, ...how }) => finishes.push(how),
  sendAutomaticallyWhen: ai.lastAssistantMessageIsCompleteWithApprovalResponses });

const answer = () => (chat.lastMessage?.role === "assistant" ? chat.lastMessage.parts : []);
const textOf = () => answer().map((part) => part.text ?? "").join("");
async function until(holds) {
  for (const end = Date.now() + 20_000; !holds();) {
    if (Date.now() > end) throw new Error(`it did not happen: ${JSON.stringify(chat.lastMessage)}`);
    await new Promise((call) => setTimeout(call, 5));
  }
}
const idle = () => until(() => chat.status === "ready" || chat.status === "error");
const seen = [];
let asking = Promise.resolve();
for (const [name, given] of plan.actions) {
  if (name === "send") asking = chat.sendMessage({ text: given });
  else if (name === "regenerate") asking = chat.regenerate();
  else if (name === "resume") asking = chat.resumeStream();
  else if (name === "messages") chat.messages = given;
  else if (name === "until") await until(() => textOf().includes(given));
  else if (name === "stop") await chat.stop();
  else if (name === "look") seen.push(structuredClone(chat.lastMessage.parts));
  else if (name === "answer") {
    const part = chat.lastMessage.parts.find((each) => each.state === "approval-requested");
    await chat.addToolApprovalResponse({ id: part.approval.id, approved: given });
    await until(() => chat.status !== "ready");
  } else if (name === "idle") { await asking; await idle(); }
}
await asking;
await idle();
transport.close?.();
console.log(JSON.stringify({ status: chat.status, error: chat.error?.message ?? null, finishes, seen, messages: chat.messages }));
process.exit(0);
