// Tables for people: aligned, and no wider than the terminal.

import { singleLine } from './text.ts';

const gap = '  ';
/** A column narrower than this says nothing. */
const narrowest = 6;

/** @param width columns of the terminal; null = as wide as the cells are. */
export function renderTable(header: string[], rows: unknown[][], width: number | null): string {
  const cells = [header.map(title => title.toUpperCase()), ...rows.map(row => row.map(renderCell))];
  const widths = fitWidths(
    header.map((_, column) => Math.max(...cells.map(row => textWidth(row[column] ?? '')))),
    width,
  );
  const lines = cells.map(row =>
    row
      .map((cell, column) => fitCell(cell, widths[column] ?? 0))
      .join(gap)
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

export function renderCell(value: unknown): string {
  if (value === null || value === undefined || value === '') return '–';
  if (Array.isArray(value)) return value.length === 0 ? '–' : value.map(renderCell).join(', ');
  if (typeof value === 'object') return '$secret' in value ? '(set)' : singleLine(JSON.stringify(value));
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return singleLine(String(value));
}

/** Takes from the widest column until all fit. */
function fitWidths(natural: number[], width: number | null): number[] {
  const widths = [...natural];
  if (width === null) return widths;
  const total = () => widths.reduce((sum, one) => sum + one, 0) + gap.length * (widths.length - 1);
  while (total() > width) {
    const widest = Math.max(...widths);
    if (widest <= narrowest) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function fitCell(text: string, width: number): string {
  const missing = width - textWidth(text);
  if (missing >= 0) return text + ' '.repeat(missing);
  return `${[...text].slice(0, width - 1).join('')}…`;
}

function textWidth(text: string): number {
  return [...text].length;
}
