/** What the parts of the page ask of the element they belong to. */

import type { Client } from "./client.js";
import { ServiceError } from "./client.js";
import type { Conversations } from "./conversations.js";

export interface Host {
  readonly client: Client;
  readonly conversations: Conversations;
  readonly narrow: boolean;
  readonly keepInAddress: boolean;
  readonly updateComplete: Promise<boolean>;
  requestUpdate(): void;
  /** Return the first element in the shadow tree that a selector finds. */
  find<E extends HTMLElement>(selector: string): E | null;
  /** Return all of them, in their order. */
  findAll(selector: string): HTMLElement[];
  /** Say words to a screen reader, without moving anything. */
  tell(words: string): void;
}

/** Give the focus to what a selector finds, once what changed is drawn. */
export function focusLater(host: Host, selector: string): void {
  void host.updateComplete.then(() => host.find(selector)?.focus());
}

/** Return any failure as one that can be shown. */
export function asServiceError(error: unknown): ServiceError {
  return error instanceof ServiceError
    ? error
    : new ServiceError(error instanceof Error ? error.message : String(error), "page_failed", 0);
}
