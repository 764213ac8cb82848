import type { ProcessRow } from './row.ts';

/** Where facts about processes come from: /proc on Linux, `ps` elsewhere. All calls are synchronous and bounded. */
export interface Kernel {
  /** Changes with every boot, never within one. */
  bootId(): string;
  row(pid: number): ProcessRow | null;
  rows(): ProcessRow[];
  /** Value of a variable in the environment with which a process was started; null: unset, gone, or not readable. */
  variable(pid: number, name: string): string | null;
  /**
   * Values of the variable in all processes where it can be read. `silent`: those without an environment, since they
   * are within exec, or were given none, or are threads of the kernel.
   */
  variables(name: string): { values: Map<number, string>; silent: number[] };
  /** Working directories of all processes where they can be read: at least those of this user. */
  directories(): Map<number, string>;
}
