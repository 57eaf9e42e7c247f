/** Requests to the service: an answer as it is written, documents, conversations, feedback. */

import { createParser } from "eventsource-parser";
import { answerRecord, type AnswerRecord, type Citation, type SourceDocument } from "./record.js";

export type Stage = "queued" | "retrieve" | "read" | "write" | "verify";

export interface Turn {
  role: "user" | "assistant";
  content: string;
}

/** What is told while an answer is being made. */
export interface Watcher {
  status(stage: Stage): void;
  delta(text: string): void;
  citation(citation: Citation): void;
}

/** A request that failed, with what the server said of it. */
export class ServiceError extends Error {
  constructor(
    message: string,
    readonly code: string,
    /** The HTTP status, 0 where none came. */
    readonly status: number,
    readonly retryAfterS: number | null = null,
    readonly requestId: string | null = null,
  ) {
    super(message);
  }
}

/** Servers send a comment every 15 s while they work; a stream that is silent for longer is dead. */
const SILENCE_MS = 60_000;
/** One that does not stream says nothing until its answer is done. */
const FIRST_SILENCE_MS = 180_000;

/** The requests of one service; `base` is its origin, or empty for the page's own. */
export class Client {
  constructor(readonly base: string) {}

  /**
   * Ask, and return the whole record; `watcher` hears what comes before it.
   *
   * Throws `ServiceError` where the server refuses, breaks off or sends something that is not whole,
   * `AbortError` where `signal` was raised.
   */
  async ask(
    body: { question: string; history?: Turn[]; conversation_id?: string; store?: boolean },
    watcher: Watcher,
    signal: AbortSignal,
  ): Promise<AnswerRecord> {
    const silence = new AbortController();
    let timer = window.setTimeout(() => silence.abort(), FIRST_SILENCE_MS);
    try {
      return await this.streamed(body, watcher, AbortSignal.any([signal, silence.signal]), (waiting) => {
        window.clearTimeout(timer);
        timer = waiting ? window.setTimeout(() => silence.abort(), SILENCE_MS) : 0;
      });
    } catch (error) {
      if (silence.signal.aborted && !signal.aborted) {
        throw new ServiceError("The server has not been heard of for too long.", "stalled", 0);
      }
      throw error;
    } finally {
      window.clearTimeout(timer);
    }
  }

  private async streamed(
    body: unknown,
    watcher: Watcher,
    signal: AbortSignal,
    waits: (waiting: boolean) => void,
  ): Promise<AnswerRecord> {
    const reply = await this.send("/v1/ask", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream, application/json;q=0.9" },
      body: JSON.stringify(body),
      signal,
    });
    const type = reply.headers.get("content-type") ?? "";
    if (!type.startsWith("text/event-stream")) {
      return answerRecord(await reply.json());
    }
    const streamed = new StreamedAnswer(watcher);
    const parser = createParser({ onEvent: (event) => streamed.take(event.event ?? "message", event.data) });
    const reader = (reply.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder("utf-8", { fatal: true });
    try {
      for (;;) {
        waits(true);
        const { done, value } = await reader.read();
        waits(false);
        if (done) {
          break;
        }
        parser.feed(decoder.decode(value, { stream: true }));
        if (streamed.record !== null) {
          return streamed.record;
        }
      }
    } catch (error) {
      if (error instanceof ServiceError || signal.aborted) {
        throw error;
      }
      throw brokenOff(error);
    } finally {
      reader.cancel().catch(() => undefined); // already closed, or broken: nothing left to read
    }
    throw brokenOff(null);
  }

  /** Return the document with this id, its text included. */
  async document(id: string): Promise<SourceDocument> {
    return (await this.json("GET", `/v1/documents/${encodeURIComponent(id)}`)) as SourceDocument;
  }

  /** Return the titles of some documents, and whether there are more. */
  async someDocuments(): Promise<{ titles: string[]; more: boolean }> {
    const found = (await this.json("GET", "/v1/documents?limit=5")) as {
      documents: { title: string; document_id: string }[];
      next_cursor: string | null;
    };
    return {
      titles: found.documents.map((document) => document.title.trim() || document.document_id),
      more: found.next_cursor !== null,
    };
  }

  /** Send a request without or with a JSON body and return the JSON that comes back, `null` for none. */
  async json(method: string, path: string, body?: unknown): Promise<unknown> {
    const reply = await this.send(path, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    return reply.status === 204 ? null : reply.json();
  }

  private async send(path: string, init: RequestInit): Promise<Response> {
    let reply: Response;
    try {
      reply = await fetch(this.base + path, { credentials: "same-origin", ...init });
    } catch (error) {
      if (init.signal?.aborted) {
        throw error;
      }
      throw new ServiceError("The server cannot be reached.", "unreachable", 0);
    }
    if (!reply.ok) {
      throw await refusal(reply);
    }
    return reply;
  }
}

/** Takes the events of one stream; once `record` is there, the answer is whole. */
class StreamedAnswer {
  record: AnswerRecord | null = null;

  constructor(private readonly watcher: Watcher) {}

  take(event: string, data: string): void {
    const content = JSON.parse(data) as Record<string, unknown>;
    if (event === "status") {
      this.watcher.status(content["stage"] as Stage);
    } else if (event === "delta") {
      this.watcher.delta(String(content["text"]));
    } else if (event === "citation") {
      this.watcher.citation(content as unknown as Citation);
    } else if (event === "answer") {
      this.record = answerRecord(content);
    } else if (event === "error") {
      throw problemError(content, Number(content["status"]) || 0, null);
    }
  }
}

function brokenOff(cause: unknown): ServiceError {
  const error = new ServiceError(
    "The answer broke off before it was whole, so it cannot be relied on.",
    "broken_off",
    0,
  );
  error.cause = cause;
  return error;
}

async function refusal(reply: Response): Promise<ServiceError> {
  const after = Number(reply.headers.get("retry-after") ?? Number.NaN);
  let content: unknown = null;
  try {
    content = await reply.json();
  } catch {
    // a proxy's page, or nothing: the status alone is told
  }
  return problemError(content, reply.status, Number.isFinite(after) ? after : null);
}

function problemError(content: unknown, status: number, retryAfterS: number | null): ServiceError {
  const problem = (typeof content === "object" && content !== null ? content : {}) as Record<string, unknown>;
  const detail = typeof problem["detail"] === "string" ? problem["detail"] : `The server answered ${status}.`;
  const requestId = typeof problem["request_id"] === "string" ? problem["request_id"] : null;
  const code = typeof problem["code"] === "string" ? problem["code"] : "http_error";
  return new ServiceError(detail, code, status, retryAfterS, requestId);
}
