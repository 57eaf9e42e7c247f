/** The list of conversations: open, rename, export, delete. */

import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { TalkHead } from "../state.js";

/** What the list knows. */
export interface ListState {
  /** `null` while it is loaded, or where the server keeps none. */
  heads: TalkHead[] | null;
  kept: boolean;
  more: boolean;
  problem: string | null;
  openId: string | null;
  renaming: string | null;
  deleting: string | null;
}

/** What a reader can do with the list. */
export interface ListActions {
  readonly narrow: boolean;
  exportAddress(id: string): string;
  newTalk(): void;
  openTalk(id: string): void;
  moreTalks(): void;
  closeList(): void;
  startRename(id: string): void;
  renameTalk(id: string, title: string): void;
  startDelete(id: string): void;
  removeTalk(id: string): void;
  leaveTalkAlone(): void;
}

const MAX_TITLE = 200;

/** Return the list. */
export function conversationsView(state: ListState, actions: ListActions): TemplateResult {
  return html`<nav class="conversations" id="conversations" aria-label="Conversations">
    <div class="conversations-head">
      <p class="name">Chapter &amp; Verse</p>
      ${actions.narrow
        ? html`<button type="button" class="plain" @click=${() => actions.closeList()}>Close</button>`
        : nothing}
    </div>
    <button type="button" class="new" @click=${() => actions.newTalk()}>New conversation</button>
    ${state.kept ? html`<h2>Earlier</h2>` : html`<p class="quiet">This server does not keep conversations.</p>`}
    ${state.problem === null ? nothing : html`<p class="quiet" role="alert">${state.problem}</p>`}
    ${state.heads?.length === 0 ? html`<p class="quiet">None yet.</p>` : nothing}
    <ul>
      ${repeat(
        state.heads ?? [],
        (head) => head.id,
        (head) => headView(head, state, actions),
      )}
    </ul>
    ${state.more
      ? html`<button type="button" class="plain" @click=${() => actions.moreTalks()}>Show more</button>`
      : nothing}
    <div class="links quiet"><slot name="links"></slot></div>
  </nav>`;
}

function headView(head: TalkHead, state: ListState, actions: ListActions): TemplateResult {
  const title = head.title.trim() || "Untitled";
  const open = state.openId === head.id;
  if (state.renaming === head.id) {
    return html`<li class="conversation">
      <form
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          const field = new FormData(event.currentTarget as HTMLFormElement).get("title");
          actions.renameTalk(head.id, String(field).trim());
        }}
        @keydown=${(event: KeyboardEvent) => {
          if (event.key === "Escape") {
            event.stopPropagation();
            actions.leaveTalkAlone();
          }
        }}
      >
        <input name="title" aria-label="Title" required maxlength=${MAX_TITLE} .value=${head.title} />
        <button type="submit">Rename</button>
        <button type="button" @click=${() => actions.leaveTalkAlone()}>Cancel</button>
      </form>
    </li>`;
  }
  return html`<li class="conversation">
    <button
      type="button"
      class="open"
      aria-current=${open ? "true" : nothing}
      @click=${() => actions.openTalk(head.id)}
    >
      <span class="two-lines" dir="auto">${title}</span>
    </button>
    ${open ? toolsView(head, state, actions) : nothing}
  </li>`;
}

function toolsView(head: TalkHead, state: ListState, actions: ListActions): TemplateResult {
  return state.deleting === head.id
    ? html`<div class="tools" role="group" aria-label="Delete this conversation?">
        <span class="quiet">Delete it?</span>
        <button type="button" class="plain confirm" @click=${() => actions.removeTalk(head.id)}>Yes, delete</button>
        <button type="button" class="plain" @click=${() => actions.leaveTalkAlone()}>Keep</button>
      </div>`
    : html`<div class="tools">
        <button type="button" class="plain" @click=${() => actions.startRename(head.id)}>Rename</button>
        <a class="plain" href=${actions.exportAddress(head.id)} download>Export</a>
        <button type="button" class="plain" @click=${() => actions.startDelete(head.id)}>Delete</button>
      </div>`;
}
