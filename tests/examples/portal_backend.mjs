// A portal's backend: gives its own page a token for whoever is logged in there. PORT, VERSE_URL, VERSE_KEY, ORIGIN.
import { createServer } from "node:http";

const { PORT, VERSE_URL, VERSE_KEY, ORIGIN } = process.env;
const PEOPLE = { "session-of-ada": { user: "ada", groups: ["engineers"] } }; // your own sessions stand here

createServer(async (request, response) => {
  const session = /(?:^|;\s*)session=([^;]*)/.exec(request.headers.cookie ?? "")?.[1];
  const person = Object.hasOwn(PEOPLE, session ?? "") ? PEOPLE[session] : undefined;
  const asked = request.method === "POST" && request.url === "/verse-token";
  if (!asked || person === undefined || request.headers.origin !== ORIGIN) {
    return response.writeHead(403).end();
  }
  const reply = await fetch(`${VERSE_URL}/v1/embed-tokens`, {
    method: "POST",
    headers: { authorization: `Bearer ${VERSE_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ ...person, origin: ORIGIN }),
  }).catch(() => new Response(null, { status: 502 })); // the key never leaves this process
  response.writeHead(reply.status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(await reply.text()); // {"token": …, "expires_at": …}
}).listen(Number(PORT), "127.0.0.1");
