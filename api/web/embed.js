/*
 * The script of the page inside a portal's frame (api/embed_page.py): a code for a token, and the element.
 *
 * With the portal's page it talks by postMessage, with that page's exact origin both ways: it sends
 * {type: "cv-token-needed", reason} and takes {type: "cv-token", token, expires_at}. The token is in memory only.
 */

const asked = new URLSearchParams(window.location.search);
// Before anything else: the code is in the address no longer, nor in the history.
window.history.replaceState(null, "", window.location.pathname);

const LANGUAGE = asked.get("language") ?? "en";
const WORDS = LANGUAGE.toLowerCase().startsWith("ru")
  ? {
      unreachable: "Сервер недоступен.",
      refused: "Это окно нельзя открыть: сервер не принял его код.",
      alone: "Эта страница открывается только внутри портала.",
      reload: "Обновите страницу, на которой стоит это окно.",
    }
  : {
      unreachable: "The server cannot be reached.",
      refused: "This box cannot be opened: the server did not accept its code.",
      alone: "This page is only opened inside a portal.",
      reload: "Reload the page this box stands on.",
    };
/** What the portal may say of the look, beside the code in the frame's address. */
const ATTRIBUTES = ["language", "placeholder", "display", "filters"];
const PATIENCE_MS = 20_000;

/** Exchange the code; it is worthless afterwards. */
async function exchanged(code) {
  let reply;
  try {
    reply = await fetch("/v1/embed-tokens/exchange", {
      method: "POST",
      credentials: "omit",
      cache: "no-store",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code }),
    });
  } catch {
    throw new Error(WORDS.unreachable);
  }
  if (!reply.ok) {
    throw new Error(WORDS.refused);
  }
  return reply.json();
}

/** Ask the portal's page for another token; nobody else hears the question, and nobody else may answer. */
function fromParent(reason, origin) {
  return new Promise((resolve) => {
    const waiting = new AbortController();
    window.setTimeout(() => waiting.abort(), PATIENCE_MS);
    window.addEventListener(
      "message",
      (event) => {
        if (event.origin !== origin || event.source !== window.parent) {
          return;
        }
        const { type, token, expires_at: expiresAt } = event.data ?? {};
        if (type === "cv-token" && typeof token === "string") {
          waiting.abort();
          resolve({ token, expires_at: expiresAt });
        }
      },
      { signal: waiting.signal },
    );
    window.parent.postMessage({ type: "cv-token-needed", reason }, origin);
  });
}

function tell(...words) {
  const line = document.createElement("p");
  line.setAttribute("role", "alert");
  line.textContent = words.join(" ");
  document.body.append(line);
}

async function begin() {
  document.documentElement.lang = LANGUAGE;
  if (window.parent === window) {
    tell(WORDS.alone);
    return;
  }
  let first;
  let origin;
  try {
    const { token, expires_at: expiresAt, parent_origin: parent } = await exchanged(asked.get("code") ?? "");
    first = { token, expires_at: expiresAt };
    origin = parent;
  } catch (error) {
    tell(error.message, WORDS.reload);
    return;
  }
  const box = document.createElement("chapter-verse");
  for (const name of ATTRIBUTES) {
    const value = asked.get(name);
    if (value !== null) {
      box.setAttribute(name, value);
    }
  }
  box.getToken = async (reason) => {
    const held = first;
    first = null;
    return held ?? fromParent(reason, origin);
  };
  document.body.append(box);
}

await begin();
