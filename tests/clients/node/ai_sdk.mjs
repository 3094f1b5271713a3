// useChat's own machinery (Chat of @ai-sdk/react) and DefaultChatTransport, without a page around them.
import { Chat } from "@ai-sdk/react";
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithToolCalls, readUIMessageStream } from "ai";

const args = JSON.parse(process.argv[2]);
const headers = { "X-User-ID": args.user };
const transport = new DefaultChatTransport({ api: `${args.url}/api/chat`, headers, body: { model: args.model } });

function show(message) {
  const texts = (type) => message.parts.filter((part) => part.type === type).map((part) => part.text).join("");
  return {
    id: message.id,
    role: message.role,
    text: texts("text"),
    reasoning: texts("reasoning"),
    tools: message.parts.filter((part) => part.type.startsWith("tool-")),
    metadata: message.metadata,
  };
}

function open(more = {}) {
  const errors = [];
  const finishes = [];
  const chat = new Chat({
    id: args.chat,
    transport,
    onError: (error) => errors.push(String(error)),
    onFinish: ({ finishReason, isDisconnect, isError }) => finishes.push({ finishReason, isDisconnect, isError }),
    ...more,
  });
  const told = () => ({ status: chat.status, errors, finishes, messages: chat.messages.map(show) });
  return { chat, told };
}

async function resumed(chat) {
  // What an application does when the connection broke: resume, until the reply has ended.
  for (let tries = 0; chat.status === "error" && tries < 50; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    await chat.resumeStream();
  }
}

const modes = {
  // One reply with the transport alone.
  async transport() {
    const message = { id: "u1", role: "user", parts: [{ type: "text", text: args.text }] };
    const stream = await transport.sendMessages({
      chatId: args.chat,
      messages: [message],
      trigger: "submit-message",
    });
    let last;
    for await (const each of readUIMessageStream({ stream })) last = each;
    return { message: show(last), again: await transport.reconnectToStream({ chatId: args.chat }) };
  },

  // Messages one after the other; a broken connection is resumed.
  async chat() {
    const { chat, told } = open();
    for (const text of args.texts) {
      await chat.sendMessage({ text });
      await resumed(chat);
    }
    return told();
  },

  // A page that opens while a reply is under way.
  async resume() {
    const { chat, told } = open();
    await chat.resumeStream();
    await resumed(chat);
    return told();
  },

  // A page that is left in mid-reply, and opened again.
  async reload() {
    const first = open();
    const sending = first.chat.sendMessage({ text: args.text });
    while ((first.chat.lastMessage?.parts ?? []).every((part) => part.type !== "text" || part.text.length < 40))
      await new Promise((resolve) => setTimeout(resolve, 5));
    await first.chat.stop();
    await sending;
    const before = first.told();
    const { chat, told } = open({ messages: first.chat.messages });
    await chat.resumeStream();
    await resumed(chat);
    return { before, ...told() };
  },

  async regenerate() {
    const { chat, told } = open();
    await chat.sendMessage({ text: args.text });
    const first = chat.lastMessage.id;
    await chat.regenerate();
    return { first, ...told() };
  },

  async edit() {
    const { chat, told } = open();
    await chat.sendMessage({ text: args.text });
    await chat.sendMessage({ text: args.other, messageId: chat.messages[0].id });
    return told();
  },

  // The client calls the tool, and the conversation goes on by itself.
  async tools() {
    const { chat, told } = open({
      sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
      onToolCall: ({ toolCall }) => {
        chat.addToolOutput({ tool: toolCall.toolName, toolCallId: toolCall.toolCallId, output: { found: 7 } });
      },
    });
    await chat.sendMessage({ text: args.text });
    while (chat.status !== "ready") await new Promise((resolve) => setTimeout(resolve, 20));
    return told();
  },
};

console.log(JSON.stringify(await modes[args.mode]()));
process.exit(0);
