import type { ChatMessage } from "../session_state.js";
import type { End, ReplyEvent, ReplyMetadata, Seam, Turn } from "../types.js";
import { figuresOf } from "./figures.js";
import { aboutTurn } from "./message.js";

export type ChunkEvent = Extract<ReplyEvent, { seq: number }>;

/** A reply while its chunks come in. It is changed in place, and drawn from now and then. */
export class RunningReply {
  /** The number of the next chunk. */
  next = 0;
  /** When the reader sent what it answers, on the clock of `performance.now`; null: not here, or not known. */
  sentAt: number | null = null;
  /** Whether it came to its end. */
  end: End | null = null;
  firstTokenMs: number | null = null;
  totalMs: number | null = null;
  resumed = 0;
  private content = "";
  private reasoning = "";
  private seams: Seam[] = [];

  constructor(readonly turn: Turn) {}

  /** Take a chunk. `had`: it came before; `gap`: others before it are missing, and it was not taken. */
  take(chunk: ChunkEvent): "taken" | "had" | "gap" {
    if (chunk.seq < this.next) return "had";
    if (chunk.seq > this.next) return "gap";
    this.next++;
    switch (chunk.type) {
      case "content":
        this.firstTokenMs ??= this.sinceSent();
        this.content += chunk.text;
        break;
      case "reasoning":
        this.reasoning += chunk.text;
        break;
      case "seam":
        this.seams.push({ chunk: chunk.seq, epoch: chunk.data.epoch, how: "continued" });
        break;
      case "reset":
        this.content = this.reasoning = "";
        this.seams.push({ chunk: chunk.seq, epoch: chunk.data.epoch, how: "restarted" });
        break;
      case "end":
        this.totalMs = this.sinceSent();
        this.end = chunk.data;
        break;
    }
    return "taken";
  }

  /** The reader has come back for the rest of it. */
  cameBack(): void {
    this.resumed++;
  }

  /** The place was lost: it is read once more from its first chunk. */
  beginAgain(): void {
    this.next = 0;
    this.content = this.reasoning = "";
    this.seams = [];
    this.end = null;
  }

  /** The message as it is now. */
  drawn(message: ChatMessage): ChatMessage {
    const begun = this.content !== "" || this.reasoning !== "";
    const metadata = { ...aboutTurn(this.turn), ...aboutEnd(this.end) };
    const seams = this.end?.seams ?? [...this.seams];
    const usage = this.end?.usage ?? null;
    return {
      ...message,
      status: this.end?.state ?? (begun ? "streaming" : "waiting"),
      content: this.content,
      reasoning: this.reasoning,
      usage,
      metadata,
      seams,
      fault: metadata.error ?? null,
      figures: figuresOf(this, metadata, usage, seams),
    };
  }

  private sinceSent(): number | null {
    return this.sentAt === null ? null : performance.now() - this.sentAt;
  }
}

/** The metadata that the stored message has, of what the last event tells. */
function aboutEnd(end: End | null): ReplyMetadata {
  if (!end) return {};
  const metadata: ReplyMetadata = { ...end };
  for (const field of ["state", "message_id", "usage"]) Reflect.deleteProperty(metadata, field);
  return metadata;
}
