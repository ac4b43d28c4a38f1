// What the page asks the server for: POST v1/solve, whose answer is a stream of server-sent events, as an async iterator
// of plain objects; and problems to begin with.

/** What went wrong, in a sentence for the reader. `status` is the HTTP status, 0 when no answer came at all. */
export class Failure extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

/** Yields the run's events. Throws a Failure; an aborted `signal` throws the browser's AbortError. */
export async function* solve(request, key, signal) {
  const answer = await post(request, key, signal);
  if (!answer.ok) throw await refusal(answer);
  let ended = false;
  for await (const event of events(answer.body, signal)) {
    yield event;
    ended = event.type === "done" || event.type === "error";
    if (ended) break;
  }
  if (!ended) throw new Failure("The server closed the stream before the run was done. What had come by then is shown.");
}

/** Problems such as the pair was trained on; none where the server does not know or does not say. */
export async function examples(key) {
  try {
    const reply = await fetch("v1/models", { headers: key ? { Authorization: `Bearer ${key}` } : {} });
    return (reply.ok && (await reply.json()).data.find((card) => card.examples)?.examples) || [];
  } catch {
    return []; // without them there are others, and a run will say what is wrong
  }
}

async function post(request, key, signal) {
  const headers = { "Content-Type": "application/json", Accept: "text/event-stream" };
  if (key) headers.Authorization = `Bearer ${key}`;
  try {
    return await fetch("v1/solve", { method: "POST", headers, body: JSON.stringify(request), signal });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Failure("The server does not answer. Is it still running, and is this computer still connected to it?");
  }
}

async function refusal(answer) {
  const words = await answer.json().then((body) => body?.error?.message, () => null);
  const wait = answer.headers.get("Retry-After");
  const sentence = words || `The server refused with status ${answer.status}.`;
  return new Failure(wait ? `${sentence} It asks to wait ${wait} s.` : sentence, answer.status);
}

/** The JSON of every event in a stream of bytes; a character or a line may be cut anywhere between two chunks. */
export async function* events(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await read(reader, signal);
      if (done) return;
      rest += value;
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const data = dataOf(block);
        if (data && data !== "[DONE]") yield parse(data);
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // nobody reads on; a stream that already failed has told so above
  }
}

async function read(reader, signal) {
  try {
    return await reader.read();
  } catch (problem) {
    if (signal?.aborted) throw new DOMException("cancelled", "AbortError");
    throw new Failure("The connection to the server broke off. What had come by then is shown.");
  }
}

function dataOf(block) {
  const lines = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
}

function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    throw new Failure("The server sent something that is not JSON. Is this page as old as the server?");
  }
}
