// Writes the parts of README.md that repeat what the program says of itself: its verbs, its events, and the
// keys of swarm.yaml.
//
//   node scripts/readme.mjs           writes them anew
//   node scripts/readme.mjs --check   changes nothing; exit code 1 when they are not current
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { buildProgram } from '../src/cli/program.ts';
import { configJsonSchema } from '../src/config/json-schema.ts';
import { kindOf, said } from '../src/domain/event-fields.ts';
import { EVENT_FAMILIES, EVENTS } from '../src/domain/events.ts';

const file = path.resolve(import.meta.dirname, '../README.md');

/** Every command that can be typed, group by group. */
function leaves(command, words = []) {
  // Calls of the shell's completion are not for people.
  if (command.name().startsWith('__')) return [];
  const here = [...words, command.name()];
  const own = command.registeredArguments.length > 0 || command.commands.length === 0 ? [{ command, words: here }] : [];
  return [...own, ...command.commands.flatMap((one) => leaves(one, here))];
}

async function verbs() {
  // Only the program's structure is read: no verb runs, so no terminal is needed.
  const program = await buildProgram(undefined, () => undefined);
  const rows = program.commands
    .flatMap((command) => leaves(command))
    .map(({ command, words }) => {
      const given = command.registeredArguments.map((one) => {
        const name = `${one.name()}${one.variadic ? '…' : ''}`;
        return one.required ? `<${name}>` : `[${name}]`;
      });
      const options = command.options.map((option) => `\`${option.long}\``).join(' ');
      return [`\`${[...words, ...given].join(' ')}\``, options, command.summary()];
    });
  return table(['verb', 'options', 'what it does'], rows);
}

/** `agents.<role>.count` and the like, in the order of the schema. */
function keys(schema, at = []) {
  const named = schema.additionalProperties;
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([name, inner]) => keys(inner, [...at, name]));
  }
  if (named?.properties !== undefined) return keys(named, [...at, '<role>']);
  return [{ key: at.join('.'), schema }];
}

function config() {
  const rows = keys(configJsonSchema())
    .filter(({ schema }) => schema.type !== 'object' || schema.additionalProperties !== false)
    .map(({ key, schema }) => {
      const name = schema.type === 'object' ? `${key}.<name>` : key;
      const initial = schema.type === 'object' || schema.default === undefined ? '' : `\`${shown(schema.default)}\``;
      const choice = schema.enum === undefined ? '' : ` One of ${schema.enum.map((one) => `\`${one}\``).join(', ')}.`;
      return [`\`${name}\``, initial, `${schema.description ?? ''}${choice}`];
    });
  return table(['key', 'default', 'meaning'], rows);
}

/** By name; events that differ in their last word alone are one row. */
function events() {
  const families = Object.entries(EVENT_FAMILIES).map(([prefix, entry]) => [`${prefix}.…`, entry]);
  const rows = [...Object.entries(EVENTS), ...families]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { says, data, words }]) => {
      const fields = Object.entries(data).map(([field, value]) => {
        const kind = kindOf(value);
        const what = said(kind);
        return `\`${field}\`${kind.optional ? '?' : ''}${what === 'text' ? '' : ` (${what})`}`;
      });
      const choice = words === undefined ? '' : ` One of ${words.map((one) => `\`${one}\``).join(', ')}.`;
      return [`\`${name}\``, fields.join(', '), `${says}${choice}`];
    });
  return table(['event', 'data', 'when, and what it says'], rows);
}

function shown(value) {
  return Array.isArray(value) ? `[${value.join(', ')}]` : String(value);
}

function table(header, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map((row) => line(row))].join('\n');
}

function withPart(text, name, content) {
  const [begin, end] = [`<!-- ${name}: written by scripts/readme.mjs -->`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`README.md has no part "${name}"`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

const before = readFileSync(file, 'utf8');
const parts = { verbs: await verbs(), events: events(), config: config() };
const after = Object.entries(parts).reduce((text, [name, content]) => withPart(text, name, content), before);
if (!process.argv.includes('--check')) writeFileSync(file, after);
else if (after !== before) {
  console.error('README.md is not current: run node scripts/readme.mjs');
  process.exitCode = 1;
}
