/** What the parts of the page ask of the element they belong to. */

import type { Client } from "./client.js";
import type { Conversations } from "./conversations.js";
import type { ServiceError } from "./errors.js";
import type { Citation } from "./record.js";
import type { Say } from "./texts.js";

/** What the page around the element is told of. */
export type Announced = "cv-answer" | "cv-citation" | "cv-error";

export interface Host {
  readonly client: Client;
  readonly conversations: Conversations;
  readonly say: Say;
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
  /** Tell the page around; return whether it left the matter to the element. */
  announce(name: Announced, detail: object): boolean;
  /** Return where a citation's document page is linked to, `null` where no link may lead there. */
  address(citation: Citation): string | null;
}

/** Give the focus to what a selector finds, once what changed is drawn. */
export function focusLater(host: Host, selector: string): void {
  void host.updateComplete.then(() => host.find(selector)?.focus());
}

/** Tell the page around of a failure that is shown. */
export function announceError(host: Host, error: ServiceError): void {
  const { code, status, message, requestId } = error;
  host.announce("cv-error", { code, status, message, request_id: requestId });
}
