import type { ProcessIdentity } from './identity.ts';
import { descendants, type ProcessTable } from './table.ts';
import type { ProcessRow } from './row.ts';

export interface TreeQuery {
  /** Processes that the tree grows from, and all members found so far: living or dead. */
  known: readonly ProcessIdentity[];
  marked: readonly number[];
  /** Never members, nor are processes that hang below them alone. */
  spare: ReadonlySet<number>;
  bootId: string;
}

/**
 * The living members of a tree: the known ones and the marked ones, all below them, and every process in a session or
 * group that one of them leads or led. The last rule finds orphans: the kernel does not reuse a number as pid while
 * a session or group still bears it. Parents before children. Pure.
 */
export function treeMembers(query: TreeQuery, table: ProcessTable): ProcessRow[] {
  const members = new Map<number, ProcessRow>();
  const allowed = (row: ProcessRow): boolean => row.pid > 1 && !query.spare.has(row.pid);
  const add = (row: ProcessRow | undefined): void => {
    if (row === undefined || members.has(row.pid) || !allowed(row)) return;
    for (const each of [row, ...descendants(row.pid, table, allowed)]) members.set(each.pid, each);
  };

  const leaders = new Set<number>();
  for (const identity of query.known) {
    if (identity.bootId !== query.bootId) continue;
    const row = table.rows.get(identity.pid);
    // Another process has the number now, so no process of the old session or group is left either.
    if (row !== undefined && row.startTime !== identity.startTime) continue;
    leaders.add(identity.pid);
    add(row);
  }
  for (const pid of query.marked) add(table.rows.get(pid));
  addFollowers(members, leaders, table, add);
  return [...members.values()].filter(({ alive }) => alive);
}

function addFollowers(
  members: ReadonlyMap<number, ProcessRow>,
  leaders: ReadonlySet<number>,
  table: ProcessTable,
  add: (row: ProcessRow) => void,
): void {
  for (let before = -1; members.size !== before;) {
    before = members.size;
    const leads = (pid: number): boolean => leaders.has(pid) || members.has(pid);
    for (const row of table.rows.values()) {
      if (leads(row.session) || leads(row.pgrp)) add(row);
    }
  }
}
