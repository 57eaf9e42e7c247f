/** The list of conversations: open, rename, export, delete. */

import { html, nothing, type TemplateResult } from "lit";
import type { TalkHead } from "../state.js";
import type { Say } from "../texts.js";

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
  readonly say: Say;
  /** Where an export is linked to; `null` where it is fetched instead. */
  exportAddress(id: string): string | null;
  saveTalk(id: string): void;
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
  const { say } = actions;
  return html`<nav
    class="conversations"
    part="conversations"
    id="conversations"
    aria-label=${say.text("conversations")}
  >
    <div class="conversations-head">
      <p class="name">${say.text("name")}</p>
      ${actions.narrow
        ? html`<button type="button" class="plain" @click=${() => actions.closeList()}>${say.text("close")}</button>`
        : nothing}
    </div>
    <button type="button" class="new" @click=${() => actions.newTalk()}>${say.text("conversation_new")}</button>
    ${state.kept ? html`<h2>${say.text("earlier")}</h2>` : html`<p class="quiet">${say.text("not_kept")}</p>`}
    ${state.problem === null ? nothing : html`<p class="quiet" role="alert">${state.problem}</p>`}
    ${state.heads?.length === 0 ? html`<p class="quiet">${say.text("none_yet")}</p>` : nothing}
    <ul>
      ${(state.heads ?? []).map((head) => headView(head, state, actions))}
    </ul>
    ${state.more
      ? html`<button type="button" class="plain" @click=${() => actions.moreTalks()}>${say.text("show_more")}</button>`
      : nothing}
    <div class="links quiet"><slot name="links"></slot></div>
  </nav>`;
}

function headView(head: TalkHead, state: ListState, actions: ListActions): TemplateResult {
  const { say } = actions;
  const title = head.title.trim() || say.text("untitled");
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
        <input name="title" aria-label=${say.text("title")} required maxlength=${MAX_TITLE} .value=${head.title} />
        <button type="submit">${say.text("rename")}</button>
        <button type="button" @click=${() => actions.leaveTalkAlone()}>${say.text("cancel")}</button>
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
  const { say } = actions;
  if (state.deleting === head.id) {
    return html`<div class="tools" role="group" aria-label=${say.text("delete_this")}>
      <span class="quiet">${say.text("delete_it")}</span>
      <button type="button" class="plain confirm" @click=${() => actions.removeTalk(head.id)}>
        ${say.text("delete_yes")}
      </button>
      <button type="button" class="plain" @click=${() => actions.leaveTalkAlone()}>${say.text("keep")}</button>
    </div>`;
  }
  const address = actions.exportAddress(head.id);
  return html`<div class="tools">
    <button type="button" class="plain" @click=${() => actions.startRename(head.id)}>${say.text("rename")}</button>
    ${address === null
      ? html`<button type="button" class="plain" @click=${() => actions.saveTalk(head.id)}>${say.text("export")}</button>`
      : html`<a class="plain" href=${address} download>${say.text("export")}</a>`}
    <button type="button" class="plain" @click=${() => actions.startDelete(head.id)}>${say.text("delete")}</button>
  </div>`;
}
