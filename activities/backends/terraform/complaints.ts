// What Terraform says is wrong, out of all that it prints: `Error: …`, an empty line, and what follows.

/** Further ones are in the log. */
const most = 3;
/** Of one: its first paragraph says it. */
const longest = 600;

export interface Complaints {
  take(line: string): void;
  /** In one line; '' = nothing is wrong. */
  text(): string;
}

export function createComplaints(): Complaints {
  const found: string[][] = [];
  let isOpen = false;
  return {
    take(line) {
      // With colours there are frames around it.
      const text = line.replace(/^[│╷╵|\s]+/, '').trim();
      const start = /^Error: (.*)/.exec(text);
      if (start) {
        isOpen = found.length < most;
        if (isOpen) found.push([sentence(start[1] ?? '')]);
        return;
      }
      if (/^Warning: /.test(text)) isOpen = false;
      if (isOpen && text) found.at(-1)?.push(text);
    },
    text: () => found.map(parts => cut(parts.join(' '))).join(' '),
  };
}

const sentence = (text: string) => (/[.!?:]$/.test(text) ? text : `${text}.`);

/** Of whole words: of a part of a secret nobody would know that it is one. */
function cut(text: string): string {
  if (text.length <= longest) return text;
  const [words] = text.slice(0, longest).split(/ \S*$/);
  return `${words} …`;
}
