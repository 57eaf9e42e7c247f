/** The conversations: the one on the page, those it was left for, and the list of those that are kept. */

import { asServiceError } from "./errors.js";
import { announceError, focusLater, type Host } from "./host.js";
import { newTalk, type Talk } from "./state.js";
import type { Say } from "./texts.js";
import type { ListActions, ListState } from "./views/conversations.js";

const NO_LIST: ListState = {
  heads: null,
  kept: true,
  more: false,
  problem: null,
  openId: null,
  renaming: null,
  deleting: null,
};

/** The conversations of one page. */
export class Talks implements ListActions {
  current: Talk = newTalk();
  list: ListState = NO_LIST;
  /** Where there is no room for it, the list is shown when asked for. */
  listShown = false;

  /** Conversations that were opened on this page: one whose answer is under way goes on unseen. */
  private readonly opened = new Map<string, Talk>();
  private cursor: string | null = null;

  /** `left` is called when another conversation comes on the page. */
  constructor(
    private readonly host: Host,
    private readonly left: () => void,
  ) {}

  get narrow(): boolean {
    return this.host.narrow;
  }

  get say(): Say {
    return this.host.say;
  }

  exportAddress(id: string): string | null {
    return this.host.conversations.exportAddress(id);
  }

  saveTalk(id: string): void {
    void this.attempt(async () => {
      const address = URL.createObjectURL(await this.host.conversations.exported(id));
      const link = document.createElement("a");
      link.href = address;
      link.download = `${id}.json`;
      link.click();
      // The download has its own hold on the content once it has begun.
      window.setTimeout(() => URL.revokeObjectURL(address), 10_000);
    });
  }

  /** Give up every answer that is under way. */
  stopAll(): void {
    for (const talk of [this.current, ...this.opened.values()]) {
      talk.running?.abort();
    }
  }

  /** Begin anew: nothing of what was read here is left. */
  reset(): void {
    this.stopAll();
    this.opened.clear();
    this.cursor = null;
    this.list = NO_LIST;
    this.show(newTalk());
  }

  newTalk(): void {
    this.show(newTalk());
    focusLater(this.host, "#question");
  }

  openTalk(id: string): void {
    void this.openAndFocus(id);
  }

  /** Open the conversation that the page's fragment names. */
  openFromAddress(): void {
    const id = /^#c=(.+)$/.exec(window.location.hash)?.[1];
    const wanted = id === undefined ? null : decoded(id);
    if (wanted !== null && wanted !== this.current.id) {
      void this.open(wanted);
    }
  }

  /** Take note that a turn of `talk` ended, and that the list may have changed. */
  async settled(talk: Talk): Promise<void> {
    if (talk.id !== null) {
      this.opened.set(talk.id, talk);
      if (talk === this.current) {
        this.show(talk);
      }
    }
    await this.load();
  }

  /** Load the list, or what follows on it. */
  async load(cursor: string | null = null): Promise<void> {
    const { conversations } = this.host;
    try {
      const found = await conversations.heads(cursor);
      if (conversations !== this.host.conversations) {
        return; // somebody else is asking by now
      }
      const before = cursor === null ? [] : (this.list.heads ?? []);
      this.cursor = found?.next ?? null;
      this.change(
        found === null
          ? { kept: false, heads: null }
          : {
              heads: [...before, ...found.heads],
              more: found.next !== null,
              problem: null,
              openId: this.current.id,
            },
      );
    } catch (error) {
      const problem = asServiceError(error);
      this.change({ problem: this.say.text("list_failed", { why: problem.message }) });
      announceError(this.host, problem);
    }
  }

  moreTalks(): void {
    void this.load(this.cursor);
  }

  showList(): void {
    this.listShown = true;
    this.host.requestUpdate();
    focusLater(this.host, ".conversations button");
  }

  closeList(): void {
    this.listShown = false;
    this.host.requestUpdate();
    focusLater(this.host, ".show-list");
  }

  startRename(id: string): void {
    this.change({ renaming: id, deleting: null });
    void this.host.updateComplete.then(() => {
      const field = this.host.find<HTMLInputElement>(".conversation input");
      field?.focus();
      field?.select();
    });
  }

  renameTalk(id: string, title: string): void {
    if (title === "") {
      return;
    }
    void this.attempt(async () => {
      await this.host.conversations.rename(id, title);
      const heads = (this.list.heads ?? []).map((head) => (head.id === id ? { ...head, title } : head));
      this.change({ renaming: null, heads });
      this.host.tell(this.say.text("renamed"));
      focusLater(this.host, ".conversation [aria-current]");
    });
  }

  startDelete(id: string): void {
    this.change({ deleting: id, renaming: null });
    focusLater(this.host, ".conversation .confirm");
  }

  removeTalk(id: string): void {
    void this.attempt(async () => {
      this.opened.get(id)?.running?.abort();
      await this.host.conversations.remove(id);
      this.opened.delete(id);
      this.change({ deleting: null, heads: (this.list.heads ?? []).filter((head) => head.id !== id) });
      if (this.current.id === id) {
        this.newTalk();
      }
      this.host.tell(this.say.text("deleted"));
    });
  }

  leaveTalkAlone(): void {
    this.change({ renaming: null, deleting: null });
    focusLater(this.host, ".conversation [aria-current]");
  }

  private change(changed: Partial<ListState>): void {
    this.list = { ...this.list, ...changed };
    this.host.requestUpdate();
  }

  private async attempt(change: () => Promise<void>): Promise<void> {
    try {
      await change();
      this.change({ problem: null });
    } catch (error) {
      const problem = asServiceError(error);
      this.change({ problem: problem.message });
      announceError(this.host, problem);
    }
  }

  private show(talk: Talk): void {
    if (talk !== this.current) {
      this.left();
    }
    this.current = talk;
    this.listShown = false;
    this.change({ openId: talk.id, renaming: null, deleting: null });
    if (this.host.keepInAddress) {
      const fragment = talk.id === null ? "" : `#c=${encodeURIComponent(talk.id)}`;
      if (window.location.hash !== fragment) {
        window.history.replaceState(null, "", window.location.pathname + window.location.search + fragment);
      }
    }
  }

  private async openAndFocus(id: string): Promise<void> {
    await this.open(id);
    const last = this.current.turns.at(-1);
    focusLater(this.host, last === undefined ? "#question" : `#${last.key}-question`);
  }

  private async open(id: string): Promise<void> {
    const known = this.opened.get(id);
    if (known !== undefined) {
      this.show(known);
      return;
    }
    const talk = newTalk(id);
    talk.loading = true;
    this.show(talk);
    try {
      talk.turns = await this.host.conversations.turns(id, this.say);
      this.opened.set(id, talk);
    } catch (error) {
      talk.problem = asServiceError(error);
      announceError(this.host, talk.problem);
    }
    talk.loading = false;
    this.host.requestUpdate();
    await this.host.updateComplete;
    const last = talk.turns.at(-1);
    if (talk === this.current && last !== undefined) {
      this.host.find(`#${last.key}`)?.scrollIntoView({ block: "start" });
    }
  }
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // somebody's own fragment
  }
}
