/** Tasks are numbered from 1; people and programs write the number as `t12`. */
const TASK_ID = /^t([1-9][0-9]{0,14})$/;

export function taskId(n: number): string {
  return `t${n}`;
}

/** The number in `t12`; undefined when the text is no task id. */
export function taskNumber(id: string): number | undefined {
  const match = TASK_ID.exec(id);
  return match === null ? undefined : Number(match[1]);
}

/** The number in `t12`, and in what a person may type for it: `12`, `T12`, `#12`. */
export function looseTaskNumber(text: string): number | undefined {
  return taskNumber(`t${text.trim().replace(/^[#tT]/, '')}`);
}
