import { existsSync, readFileSync } from 'node:fs';

/** The notes of task.sh, independent of swarm. */
export interface Journal {
  begins: { name: string; at: number; pids: number[]; agent: string }[];
  ends: { name: string; at: number }[];
  /** Lines that must not be there: overlap, leftover, missing. */
  violations: string[];
}

export function readJournal(file: string): Journal {
  const journal: Journal = { begins: [], ends: [], violations: [] };
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  for (const line of lines) {
    const [word, name = '', at, pid, , child, , agent = ''] = line.split(' ');
    if (word === 'begin') journal.begins.push({ name, at: Number(at), pids: [Number(pid), Number(child)], agent });
    else if (word === 'end') journal.ends.push({ name, at: Number(at) });
    else journal.violations.push(line);
  }
  return journal;
}
