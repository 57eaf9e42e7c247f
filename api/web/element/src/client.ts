/** Requests to the service: an answer as it is written, documents, conversations, feedback. */

import { createParser } from "eventsource-parser";
import { ServiceError } from "./errors.js";
import { answerRecord, type AnswerRecord, type Citation, type SourceDocument } from "./record.js";
import type { Say } from "./texts.js";
import type { Tokens } from "./tokens.js";

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

/** Servers send a comment every 15 s while they work; a stream that is silent for longer is dead. */
const SILENCE_MS = 60_000;
/** One that does not stream says nothing until its answer is done. */
const FIRST_SILENCE_MS = 180_000;

/** An ask, as far as this page makes them. */
export interface AskBody {
  question: string;
  filters?: Record<string, unknown>;
  history?: Turn[];
  conversation_id?: string;
  store?: boolean;
}

/** The requests of one service; `base` is its address, or empty for the page's own origin. */
export class Client {
  constructor(
    readonly base: string,
    readonly tokens: Tokens,
    /** The texts at this moment. */
    private readonly say: () => Say,
  ) {}

  /**
   * Ask, and return the whole record; `watcher` hears what comes before it.
   *
   * Throws `ServiceError` where the server refuses, breaks off or sends something that is not whole,
   * `AbortError` where `signal` was raised.
   */
  async ask(
    body: AskBody,
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
        throw this.failure("stalled");
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
      return this.whole(await reply.json());
    }
    const streamed = new StreamedAnswer(watcher, (content) => this.problem(content, Number(content["status"]) || 0, null));
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
      throw this.failure("broken_off", error);
    } finally {
      reader.cancel().catch(() => undefined); // already closed, or broken: nothing left to read
    }
    throw this.failure("broken_off");
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

  /** Return what a path answers, as a file. */
  async file(path: string): Promise<Blob> {
    return (await this.send(path, {})).blob();
  }

  private async send(path: string, init: RequestInit): Promise<Response> {
    const token = await this.tokens.forRequest();
    let reply = await this.fetched(path, init, token);
    if (reply.status === 401) {
      const refused = await this.refusal(reply);
      const another = await this.tokens.afterRefusal(token);
      if (another === null) {
        throw new ServiceError(this.say().text("sign_in"), refused.code, 401, null, refused.requestId);
      }
      reply = await this.fetched(path, init, another);
      if (reply.status === 401) {
        const { message, requestId } = await this.refusal(reply);
        throw new ServiceError(this.say().text("token_refused", { why: message }), "token_refused", 401, null, requestId);
      }
    }
    if (!reply.ok) {
      throw await this.refusal(reply);
    }
    return reply;
  }

  private async fetched(path: string, init: RequestInit, token: string | null): Promise<Response> {
    const headers = new Headers(init.headers);
    if (token !== null) {
      headers.set("authorization", `Bearer ${token}`);
    }
    try {
      // A token says who asks; a cookie beside it could only say something else.
      const credentials = token === null ? "same-origin" : "omit";
      return await fetch(this.base + path, { cache: "no-store", redirect: "error", ...init, headers, credentials });
    } catch (error) {
      if (init.signal?.aborted) {
        throw error;
      }
      throw this.failure("unreachable", error);
    }
  }

  private failure(code: "stalled" | "broken_off" | "unreachable", cause: unknown = null): ServiceError {
    const { origin } = window.location;
    const elsewhere = code === "unreachable" && this.base !== "" && new URL(this.base).origin !== origin;
    const text = elsewhere ? this.say().text("unreachable_from_here", { origin }) : this.say().text(code);
    const error = new ServiceError(text, code, 0);
    error.cause = cause;
    return error;
  }

  private whole(content: unknown): AnswerRecord {
    try {
      return answerRecord(content);
    } catch {
      throw new ServiceError(this.say().text("not_whole"), "not_whole", 0);
    }
  }

  private async refusal(reply: Response): Promise<ServiceError> {
    const after = Number(reply.headers.get("retry-after") ?? Number.NaN);
    let content: unknown = null;
    try {
      content = await reply.json();
    } catch {
      // a proxy's page, or nothing: the status alone is told
    }
    return this.problem(content, reply.status, Number.isFinite(after) ? after : null);
  }

  private problem(content: unknown, status: number, retryAfterS: number | null): ServiceError {
    const problem = (typeof content === "object" && content !== null ? content : {}) as Record<string, unknown>;
    const code = typeof problem["code"] === "string" ? problem["code"] : "http_error";
    const detail =
      typeof problem["detail"] === "string" ? problem["detail"] : this.say().text("http_error", { status });
    const requestId = typeof problem["request_id"] === "string" ? problem["request_id"] : null;
    return new ServiceError(this.say().problem(code, detail), code, status, retryAfterS, requestId);
  }
}

/** Takes the events of one stream; once `record` is there, the answer is whole. */
class StreamedAnswer {
  record: AnswerRecord | null = null;

  constructor(
    private readonly watcher: Watcher,
    private readonly problem: (content: Record<string, unknown>) => ServiceError,
  ) {}

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
      throw this.problem(content);
    }
  }
}
