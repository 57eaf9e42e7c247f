/** What the element says, in English and Russian; a portal may say it in another language. */

/** A text that depends on a number, by the plural categories of `Intl.PluralRules`. */
export type Forms = { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;
export type Text = string | Forms;

/** Each text in English and in Russian. */
const TEXTS = {
  name: ["Chapter & Verse", "Chapter & Verse"],
  close: ["Close", "Закрыть"],
  cancel: ["Cancel", "Отмена"],
  sources: ["Sources", "Источники"],
  answer: ["Answer", "Ответ"],
  // Asking.
  question: ["Question", "Вопрос"],
  ask: ["Ask", "Спросить"],
  ask_first: ["Ask a question", "Задайте вопрос"],
  ask_further: ["Ask further", "Спросите ещё"],
  stop: ["Stop", "Остановить"],
  length: ["{n} of {max} characters", "{n} из {max} знаков"],
  too_long: ["{n} of {max} characters: too long to be asked", "{n} из {max} знаков: слишком длинно"],
  stage_queued: ["Asking", "Задаём вопрос"],
  stage_retrieve: ["Searching the documents", "Ищем в документах"],
  stage_read: ["Reading what was found", "Читаем найденное"],
  stage_write: ["Writing the answer", "Пишем ответ"],
  stage_verify: ["Checking every quote", "Проверяем цитаты"],
  stage_other: ["Working", "Работаем"],
  welcome: ["Ask the documents", "Спросите документы"],
  welcome_text: [
    "Every statement of an answer carries the words it rests on. A number such as [1] opens them where they stand; and where the documents do not say, neither does the answer.",
    "За каждым утверждением ответа стоят слова источника. Номер вроде [1] откроет их в самом документе; а если документы молчат, ответа не будет.",
  ],
  documents_some: ["Among the documents:", "Среди документов:"],
  documents_all: ["The documents:", "Документы:"],
  // What became of a question.
  conversation: ["Conversation", "Беседа"],
  spoken_log: ["The answer as it is written", "Ответ по мере написания"],
  spoken_quote: ["(quote {n})", "(цитата {n})"],
  answer_there: [
    { one: "The answer is there, with {n} quote", other: "The answer is there, with {n} quotes" },
    { one: "Ответ готов, {n} цитата", few: "Ответ готов, {n} цитаты", other: "Ответ готов, {n} цитат" },
  ],
  partial_there: [
    { one: "The partial answer is there, with {n} quote", other: "The partial answer is there, with {n} quotes" },
    { one: "Ответ готов частично, {n} цитата", few: "Ответ готов частично, {n} цитаты", other: "Ответ готов частично, {n} цитат" },
  ],
  nothing_found: ["Nothing was found", "Ничего не найдено"],
  stopped: ["Stopped", "Остановлено"],
  stopped_before: ["Stopped.", "Остановлено."],
  stopped_within: ["Stopped: what stands above is not the whole answer.", "Остановлено: выше не весь ответ."],
  no_answer_because: ["There is no answer. {why}", "Ответа нет. {why}"],
  no_answer: ["No answer was given", "Ответа нет"],
  ask_again: ["Ask again", "Спросить снова"],
  try_again: ["Try again", "Попробовать снова"],
  try_later: [
    { one: "Try again in {n} second.", other: "Try again in {n} seconds." },
    { one: "Попробуйте через {n} секунду.", few: "Попробуйте через {n} секунды.", other: "Попробуйте через {n} секунд." },
  ],
  operator: ["For the operator: request {id}", "Для администратора: запрос {id}"],
  understood: ["Understood as: {question}", "Понято так: {question}"],
  quote_label: ["Quote {n}: {title}", "Цитата {n}: {title}"],
  missing: ["Not answered by the sources", "На это источники не отвечают"],
  disagree: ["The sources disagree", "Источники расходятся"],
  disagree_about: ["The sources disagree: {about}", "Источники расходятся: {about}"],
  why: ["Why was nothing found?", "Почему ничего не найдено?"],
  reason_no_passages: [
    "No passage of the documents fits this question.",
    "Ни один отрывок документов не подходит к вопросу.",
  ],
  reason_not_supported: [
    "Passages on the subject were found, but none of them says what was asked.",
    "Отрывки по теме есть, но ответа на вопрос в них нет.",
  ],
  reason_below_threshold: [
    "Something came close, but not surely enough to be shown as an answer.",
    "Есть близкое, но не настолько надёжное, чтобы показать его как ответ.",
  ],
  probability: [
    "The probability that the documents do not answer it: {n}\u00a0%.",
    "Вероятность того, что документы на это не отвечают: {n}\u00a0%.",
  ],
  closest: ["What came closest, though it does not answer", "Самое близкое, хотя и не ответ"],
  interrupted_client_gone: [
    "It was stopped, or the connection was lost, before the answer was whole.",
    "Вопрос остановлен, или связь прервалась раньше, чем ответ был готов.",
  ],
  interrupted_timed_out: ["It took too long.", "Это заняло слишком много времени."],
  interrupted_failed: ["It failed.", "Произошла ошибка."],
  interrupted_server_stopped: ["The server was stopped meanwhile.", "Сервер тем временем остановили."],
  interrupted_elsewhere: [
    "It is being answered elsewhere, or was cut off.",
    "Ответ готовится в другом окне, или вопрос оборвался.",
  ],
  // What a reader does with an answer.
  copy: ["Copy", "Копировать"],
  copy_markdown: ["Copy as Markdown", "Копировать как Markdown"],
  copied: ["Copied", "Скопировано"],
  copy_refused: ["The browser did not allow copying", "Браузер не разрешил копирование"],
  helpful: ["Helpful", "Полезно"],
  not_right: ["Not right", "Неверно"],
  rightly_so: ["Rightly so", "Так и есть"],
  they_say_it: ["They do say it", "В документах это есть"],
  thank_you: ["Thank you", "Спасибо"],
  not_sent: ["Not sent: {why}", "Не отправлено: {why}"],
  wrong_form: ["What was wrong", "Что не так"],
  wrong_what: ["What was wrong?", "Что не так?"],
  wrong_which: ["Which quote?", "Какая цитата?"],
  wrong_none: ["None in particular", "Никакая в отдельности"],
  wrong_more: ["Anything to add?", "Что ещё сказать?"],
  wrong_answer: ["The answer is wrong", "Ответ неверен"],
  wrong_quote: ["A quote does not say that", "Цитата этого не говорит"],
  incomplete: ["Something is missing", "Чего-то не хватает"],
  outdated: ["It is out of date", "Это устарело"],
  should_have_abstained: ["The documents do not answer this", "Документы на это не отвечают"],
  should_have_answered: ["The documents do answer this", "Документы на это отвечают"],
  other: ["Something else", "Другое"],
  send: ["Send", "Отправить"],
  // How an answer was made.
  made: ["How this was made", "Как получен ответ"],
  made_sure: ["How sure", "Уверенность"],
  made_sure_text: [
    "Answers like this one are right about {n} times in 100.",
    "Такие ответы верны примерно в {n} случаях из 100.",
  ],
  made_withheld: ["Withheld", "Не показано"],
  made_withheld_text: ["Sentences not shown: {list}.", "Предложения, которые не показаны: {list}."],
  held_not_found: [
    { one: "{n} because it quoted words that are not in the documents", other: "{n} because they quoted words that are not in the documents" },
    "{n}: цитата не из документов",
  ],
  held_misattributed: [
    { one: "{n} because it quoted words of another document", other: "{n} because they quoted words of another document" },
    "{n}: цитата из другого документа",
  ],
  held_unsupported: [
    { one: "{n} because it said more than its quotes do", other: "{n} because they said more than their quotes do" },
    "{n}: сказано больше, чем в цитатах",
  ],
  made_time: ["Time", "Время"],
  made_by: ["Written by", "Кто написал"],
  made_by_nobody: ["nobody: the sentences are the documents' own", "никто: это предложения самих документов"],
  made_index: ["Index", "Индекс"],
  // A source.
  quotes: ["Quotes", "Цитаты"],
  quote_of: ["Quote {n} of {all}", "Цитата {n} из {all}"],
  passage_of: ["Passage {n} of {all}", "Отрывок {n} из {all}"],
  previous: ["Previous", "Назад"],
  next: ["Next", "Вперёд"],
  whole_page: ["Whole page", "Вся страница"],
  original: ["Original", "Оригинал"],
  show_all: ["Show all of the document", "Показать весь документ"],
  document_text: ["The document's text", "Текст документа"],
  document_opening: ["Opening the document …", "Открываем документ …"],
  document_gone: [
    "This document is no longer among the sources.",
    "Этого документа больше нет среди источников.",
  ],
  document_changed: ["The document has changed", "Документ изменился"],
  document_changed_text: [
    "These words were quoted from an earlier text of it, and no longer stand at that place:",
    "Эти слова взяты из прежнего текста, теперь на этом месте их нет:",
  ],
  cut_before: ["… the text before this is left out here.", "… предыдущий текст здесь не показан."],
  cut_after: ["… the text goes on.", "… текст продолжается."],
  left_out: ["left out of answers: {reason}", "не входит в ответы: {reason}"],
  left_out_short: ["left out: {reason}", "не входит: {reason}"],
  quote_open: ["Quote {n} is open in its document: {text}", "Цитата {n} открыта в документе: {text}"],
  passage_open: ["The passage is open in its document: {text}", "Отрывок открыт в документе: {text}"],
  also: ["also in {list}", "также в {list}"],
  // Conversations.
  conversations: ["Conversations", "Беседы"],
  conversation_new: ["New conversation", "Новая беседа"],
  conversation_opening: ["Opening the conversation …", "Открываем беседу …"],
  conversation_closed: ["It cannot be opened", "Её нельзя открыть"],
  earlier: ["Earlier", "Прежние"],
  none_yet: ["None yet.", "Пока нет."],
  not_kept: ["This server does not keep conversations.", "Этот сервер не хранит бесед."],
  list_failed: ["The list could not be loaded: {why}", "Список не загружен: {why}"],
  show_more: ["Show more", "Показать ещё"],
  untitled: ["Untitled", "Без названия"],
  title: ["Title", "Название"],
  rename: ["Rename", "Переименовать"],
  renamed: ["Renamed", "Переименовано"],
  export: ["Export", "Сохранить"],
  delete: ["Delete", "Удалить"],
  deleted: ["Deleted", "Удалено"],
  delete_this: ["Delete this conversation?", "Удалить эту беседу?"],
  delete_it: ["Delete it?", "Удалить?"],
  delete_yes: ["Yes, delete", "Да, удалить"],
  keep: ["Keep", "Оставить"],
  // What goes wrong on this side of the wire.
  unreachable: ["The server cannot be reached.", "Сервер недоступен."],
  unreachable_from_here: [
    "The server cannot be reached, or does not allow pages of {origin} to ask it.",
    "Сервер недоступен или не принимает вопросы со страниц {origin}.",
  ],
  stalled: ["The server has not been heard of for too long.", "Сервер слишком долго молчит."],
  broken_off: [
    "The answer broke off before it was whole, so it cannot be relied on.",
    "Ответ оборвался на полуслове, полагаться на него нельзя.",
  ],
  not_whole: ["The server sent an answer that is not whole.", "Сервер прислал неполный ответ."],
  http_error: ["The server answered {status}.", "Сервер ответил {status}."],
  sign_in: [
    "This page did not say who is asking. Sign in again, or reload the page.",
    "Страница не сообщила, кто спрашивает. Войдите снова или обновите страницу.",
  ],
  token_failed: [
    "This page could not get a new token: {why} Sign in again, or reload the page.",
    "Страница не получила новый токен: {why} Войдите снова или обновите страницу.",
  ],
  token_refused: [
    "The server did not accept this page's token: {why} Sign in again, or reload the page.",
    "Сервер не принял токен страницы: {why} Войдите снова или обновите страницу.",
  ],
  attribute_malformed: [
    "The attribute {name} of this box is no JSON object; whoever made the page can correct it.",
    "Атрибут {name} этого окна не объект JSON; исправить его может автор страницы.",
  ],
} satisfies Record<string, [Text, Text]>;

export type TextName = keyof typeof TEXTS;
export type Texts = Partial<Record<TextName, Text>>;

/** What the server's problems are called where its own words, which are English, would not do. */
const PROBLEMS: Record<string, Record<string, string>> = {
  ru: {
    overloaded: "Сейчас слишком много вопросов.",
    rate_limited: "Слишком много вопросов подряд.",
    index_empty: "Сервер ещё не готов: индекса нет.",
    stage_timeout: "Ответ не успел вовремя.",
    model_failed: "На этом вопросе модель дала сбой.",
    conversation_full: "В этой беседе больше нет места, начните новую.",
    not_found: "Такого здесь нет.",
    origin_not_allowed: "Страницам этого сайта нельзя обращаться к серверу.",
  },
};

/** Returns texts by their names. */
export class Say {
  /** The language asked for, as a BCP 47 tag; `en` where it is none. */
  readonly language: string;
  private readonly plural: Intl.PluralRules;

  /** `own` are a portal's texts; they stand before those of `language`, and those before English ones. */
  constructor(language: string, private readonly own: Texts = {}) {
    this.language = knownTag(language);
    this.plural = new Intl.PluralRules(this.language);
  }

  /** Return a text with its values put in; `n` chooses the form. */
  text(name: TextName, values: Record<string, string | number> = {}): string {
    const found: Text = this.usable(name) ?? TEXTS[name][primary(this.language) === "ru" ? 1 : 0];
    const form = typeof found === "string" ? found : (found[this.plural.select(Number(values["n"]))] ?? found.other);
    return form.replace(/\{(\w+)\}/g, (whole, key: string) => String(values[key] ?? whole));
  }

  /** Return the text of something that the server names, or that of `other` where its name is not known here. */
  named(kind: "stage_" | "reason_" | "interrupted_", name: string | null, other: TextName | null): string {
    const known = `${kind}${name}`;
    return Object.hasOwn(TEXTS, known) ? this.text(known as TextName) : other === null ? "" : this.text(other);
  }

  /** Return what a problem is called: the server's `detail`, unless this language has words of its own. */
  problem(code: string, detail: string): string {
    return PROBLEMS[primary(this.language)]?.[code] ?? detail;
  }

  /** Return an ISO 8601 date in words, anything else as it stands. */
  day(date: string | null): string {
    const match = date === null ? null : /^(\d{4})-(\d{2})-(\d{2})(?:$|T)/.exec(date);
    const day = match === null ? Number.NaN : Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
    if (match === null || new Date(day).getUTCDate() !== Number(match[3])) {
      return date ?? "";
    }
    // Of the English-speaking countries' orders, the one that the document pages use.
    const language = this.language === "en" ? "en-GB" : this.language;
    return new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" }).format(day);
  }

  /** What a page gives may be of any kind. */
  private usable(name: TextName): Text | undefined {
    const text: unknown = Object.hasOwn(this.own, name) ? this.own[name] : undefined;
    const other = typeof text === "object" && text !== null ? (text as { other?: unknown }).other : text;
    return typeof other === "string" ? (text as Text) : undefined;
  }
}

function primary(language: string): string {
  return (language.split("-")[0] as string).toLowerCase();
}

function knownTag(language: string): string {
  try {
    return Intl.getCanonicalLocales(language)[0] ?? "en";
  } catch {
    return "en"; // no language tag: nothing could be formatted in it
  }
}
