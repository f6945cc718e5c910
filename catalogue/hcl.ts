// Reads the blocks of a Terraform file: names, labels, attributes as they are written, with their lines. Expressions are not
// understood, only where they end. Terraform itself says what is wrong with them.

export interface HclBlock {
  type: string;
  labels: string[];
  line: number;
  attributes: ReadonlyMap<string, HclAttribute>;
  blocks: HclBlock[];
}

export interface HclAttribute {
  /** Without comments, of one line. */
  text: string;
  line: number;
}

export interface HclMistake {
  line: number;
  message: string;
}

interface Token {
  kind: 'word' | 'string' | 'newline' | 'other';
  text: string;
  line: number;
}

/** @throws nothing: a file that cannot be read gives its first mistake. */
export function parseHcl(text: string): { blocks: HclBlock[] } | { mistake: HclMistake } {
  try {
    const reader = createReader(tokensOf(text));
    const { blocks } = readBody(reader, 'file');
    return { blocks };
  } catch (error) {
    if (error instanceof HclError) return { mistake: { line: error.line, message: error.message } };
    throw error;
  }
}

class HclError extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

interface Reader {
  peek(): Token | undefined;
  next(): Token;
}

function createReader(tokens: Token[]): Reader {
  let at = 0;
  const last = () => tokens.at(-1)?.line ?? 1;
  return {
    peek: () => tokens[at],
    next: () => {
      const token = tokens[at];
      at += 1;
      if (!token) throw new HclError(last(), 'ends in the middle of a block.');
      return token;
    },
  };
}

function readBody(reader: Reader, end: 'file' | '}'): Pick<HclBlock, 'attributes' | 'blocks'> {
  const attributes = new Map<string, HclAttribute>();
  const blocks: HclBlock[] = [];
  for (;;) {
    const token = reader.peek();
    if (!token && end === 'file') return { attributes, blocks };
    const first = reader.next();
    if (first.text === '}' && end === '}') return { attributes, blocks };
    if (first.kind === 'newline') continue;
    if (first.kind !== 'word') throw new HclError(first.line, `has "${first.text}" where a name is expected.`);
    if (reader.peek()?.text === '=') {
      reader.next();
      attributes.set(first.text, { text: readExpression(reader), line: first.line });
    } else blocks.push(readBlock(first, reader));
  }
}

function readBlock({ text: type, line }: Token, reader: Reader): HclBlock {
  const labels: string[] = [];
  for (;;) {
    const token = reader.next();
    if (token.text === '{') return { type, labels, line, ...readBody(reader, '}') };
    if (token.kind === 'string') labels.push(token.text.slice(1, -1));
    else if (token.kind === 'word') labels.push(token.text);
    else throw new HclError(token.line, `has "${token.text.trim()}" within the head of the block "${type}".`);
  }
}

/** Up to the end of its line; brackets may hold further lines. */
function readExpression(reader: Reader): string {
  const parts: string[] = [];
  let depth = 0;
  for (;;) {
    const token = reader.peek();
    const isEnd = !token || (depth === 0 && (token.kind === 'newline' || token.text === '}'));
    if (isEnd) return parts.join(' ').trim();
    reader.next();
    if (token.kind === 'other' && '([{'.includes(token.text)) depth += 1;
    if (token.kind === 'other' && ')]}'.includes(token.text)) depth -= 1;
    if (token.kind !== 'newline') parts.push(token.text);
  }
}

const patterns: [kind: Token['kind'] | 'blank', pattern: RegExp][] = [
  ['blank', /[ \t\r\uFEFF]+|(?:#|\/\/)[^\n]*|\/\*[\s\S]*?\*\//y],
  ['newline', /\n/y],
  ['word', /[\p{L}_][\p{L}\p{N}_-]*/uy],
  ['other', /[0-9]+(?:\.[0-9]+)?|[=!<>]=|&&|\|\||=>|\.\.\.|[^\s"]/y],
];

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const { kind, length } = tokenAt(text, at, line);
    const found = text.slice(at, at + length);
    if (kind !== 'blank') tokens.push({ kind, text: found, line });
    line += found.split('\n').length - 1;
    at += length;
  }
  return tokens;
}

function tokenAt(text: string, at: number, line: number): { kind: Token['kind'] | 'blank'; length: number } {
  if (text[at] === '"') return { kind: 'string', length: lengthOfString(text, at, line) };
  if (text.startsWith('<<', at)) {
    const length = lengthOfHeredoc(text, at, line);
    if (length > 0) return { kind: 'string', length };
  }
  if (text.startsWith('/*', at) && !text.includes('*/', at + 2))
    throw new HclError(line, 'has a comment without an end.');
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) return { kind, length: found[0].length };
  }
  return { kind: 'other', length: 1 };
}

/** Templates within (`${…}`) may hold texts of their own. */
function lengthOfString(text: string, start: number, line: number): number {
  let depth = 0;
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text[at];
    const isTemplate = (char === '$' || char === '%') && text[at + 1] === '{' && text[at - 1] !== char;
    if (depth === 0) {
      if (char === '\\') at += 1;
      else if (char === '"') return at + 1 - start;
      else if (char === '\n') break;
      else if (isTemplate) {
        depth = 1;
        at += 1;
      }
    } else if (char === '"') at += lengthOfString(text, at, line) - 1;
    else if (char === '{') depth += 1;
    else if (char === '}') depth -= 1;
  }
  throw new HclError(line, 'has a text without an end.');
}

/** 0 = it is none. */
function lengthOfHeredoc(text: string, start: number, line: number): number {
  const head = /<<-?([\p{L}_][\p{L}\p{N}_-]*)\r?\n/uy;
  head.lastIndex = start;
  const found = head.exec(text);
  if (!found) return 0;
  const end = new RegExp(`^[ \\t]*${found[1]}(?=\\r?$)`, 'gmu');
  end.lastIndex = start + found[0].length;
  const last = end.exec(text);
  if (!last) throw new HclError(line, `has a text without its end "${found[1]}".`);
  return last.index + last[0].length - start;
}
