/** The token of whoever asks: held in this page's memory alone, renewed by the page's own source. */

import { ServiceError } from "./errors.js";
import type { Say } from "./texts.js";

/** Why a token is needed: there is none, it ends soon, or the service refused it. */
export type Reason = "missing" | "expiring" | "refused";

/** What a source of tokens answers; `expires_at` is an ISO 8601 time or seconds since 1970. */
export interface Token {
  token: string;
  expires_at?: string | number | null;
}

export type GetToken = (reason: Reason) => Promise<Token | string> | Token | string;

/** Where tokens come from, as the element's attributes and properties say at this moment. */
export interface Source {
  /** The page's function, which goes before `tokenUrl`. */
  readonly getToken: GetToken | null;
  /** An address of the page's own origin that answers a token. */
  readonly tokenUrl: string | null;
  readonly say: Say;
  /** Tell the page that a token is needed; it may set a source while it hears of it. */
  tokenNeeded(reason: Reason): void;
}

/** A token is renewed before a request that would come so shortly before its end. */
const EARLY_MS = 30_000;
const PATIENCE_MS = 15_000;
/** What fits a header: visible ASCII. */
const USABLE = /^[\x21-\x7e]{1,8192}$/;

/** The tokens of one element. Nothing of them is ever written anywhere. */
export class Tokens {
  #token: string | null = null;
  #endsAt = Number.POSITIVE_INFINITY;
  #renewal: Promise<string> | null = null;

  constructor(private readonly source: Source) {}

  /** Whether requests carry a token; without a source they carry the page's cookies, as on the service's own page. */
  get used(): boolean {
    return this.source.getToken !== null || this.source.tokenUrl !== null;
  }

  /** Forget the token: the next request needs a new one. */
  forget(): void {
    this.#token = null;
    this.#renewal = null;
  }

  /** Return the token for a request, `null` where none are used; throws `ServiceError` where none can be had. */
  async forRequest(): Promise<string | null> {
    if (!this.used) {
      return null;
    }
    const held = this.#token;
    const left = this.#endsAt - Date.now();
    if (held !== null && left > EARLY_MS) {
      return held;
    }
    try {
      return await this.renewed(held === null ? "missing" : "expiring");
    } catch (error) {
      if (held !== null && left > 0) {
        return held; // still good: the next request tries again
      }
      throw error;
    }
  }

  /** Return another token after the service refused this one; `null` where there is no source. */
  async afterRefusal(refused: string | null): Promise<string | null> {
    if (this.#token !== null && this.#token !== refused) {
      return this.#token; // another request has renewed it meanwhile
    }
    if (!this.used) {
      this.source.tokenNeeded("missing");
      return this.used ? this.renewed("missing", false) : null;
    }
    return this.renewed("refused");
  }

  /** Several requests that need a token at once ask for one. */
  private renewed(reason: Reason, tell = true): Promise<string> {
    this.#renewal ??= this.renew(reason, tell).finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  private async renew(reason: Reason, tell: boolean): Promise<string> {
    const { say } = this.source;
    if (tell) {
      this.source.tokenNeeded(reason);
    }
    let found: Token | string;
    try {
      const { getToken, tokenUrl } = this.source;
      found = await inTime(getToken === null ? fromAddress(tokenUrl ?? "") : getToken(reason));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ServiceError(say.text("token_failed", { why: sentence(why) }), "token_failed", 0);
    }
    const token: unknown = typeof found === "string" ? found : (found as Token | null)?.token;
    if (typeof token !== "string" || !USABLE.test(token)) {
      throw new ServiceError(say.text("token_failed", { why: "" }), "token_failed", 0);
    }
    const endsAt = typeof found === "string" ? Number.NaN : timeOf(found.expires_at);
    this.#token = token;
    // By a clock that is wrong, a new token has ended already; the service will say when it really has.
    this.#endsAt = endsAt > Date.now() ? endsAt : Number.POSITIVE_INFINITY;
    return token;
  }
}

/** Fetch a token from the page's own server; it knows by the page's session who asks. */
async function fromAddress(address: string): Promise<Token> {
  const url = new URL(address, document.baseURI);
  // Whoever answered here would decide on whose behalf is asked.
  if (url.origin !== window.location.origin) {
    throw new Error("token-url is not of this page's own origin.");
  }
  const reply = await fetch(url, {
    credentials: "same-origin",
    cache: "no-store",
    redirect: "error",
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (!reply.ok) {
    throw new Error(`token-url answered ${reply.status}.`);
  }
  return (await reply.json()) as Token;
}

function inTime<T>(promise: Promise<T> | T): Promise<T> {
  let timer = 0;
  const late = new Promise<never>((_, reject) => {
    timer = window.setTimeout(() => reject(new Error("The page did not answer.")), PATIENCE_MS);
  });
  return Promise.race([Promise.resolve(promise), late]).finally(() => window.clearTimeout(timer));
}

function timeOf(value: unknown): number {
  return typeof value === "number" ? value * 1000 : typeof value === "string" ? Date.parse(value) : Number.NaN;
}

function sentence(words: string): string {
  return words === "" || /[.!?]$/.test(words) ? words : `${words}.`;
}
