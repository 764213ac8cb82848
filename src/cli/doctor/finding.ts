import { SwarmError, errorText } from '../../domain/errors.ts';
import { plain, type Output, type Style } from '../say/output.ts';

/** `error`: a part of swarm does not work until it is cured. `warning`: it will cause trouble. `note`: good to know. */
export type Severity = 'ok' | 'note' | 'warning' | 'error';

/** The result of one check. */
export interface Finding {
  /** Stable, kebab-case, for programs: `git`, `socket-stale`, … */
  check: string;
  severity: Severity;
  /** The fact: one line. */
  text: string;
  /** Its cause, or its effect. */
  cause?: string | undefined;
  /** The cure for the person. */
  cure?: string | undefined;
  /** `--fix` can mend it, or has mended it. */
  fix?: 'possible' | 'done' | 'failed' | undefined;
}

/** A finding that may be able to mend itself. `repair` returns what was done. */
export interface Diagnosis extends Finding {
  repair?: (() => Promise<string>) | undefined;
}

export interface DoctorDocument {
  /** False when a finding blocks. */
  ok: boolean;
  findings: Finding[];
}

/** The finding for an error that a check threw. */
export function findingOf(check: string, error: unknown, severity: Severity = 'error'): Diagnosis {
  const hint = error instanceof SwarmError ? error.hint : undefined;
  return { check, severity, text: errorText(error).split('\n', 1)[0] ?? '', cure: hint };
}

export function ok(check: string, text: string): Diagnosis {
  return { check, severity: 'ok', text };
}

/** The finding without the parts that only the program itself can use. */
export function toFinding({ repair, ...finding }: Diagnosis): Finding {
  return repair !== undefined && finding.fix === undefined ? { ...finding, fix: 'possible' } : finding;
}

/** Whether the finding blocks; a repaired one does not. */
export function blocks({ severity, fix }: Finding): boolean {
  return severity === 'error' && fix !== 'done';
}

const MARKS: Readonly<Record<Severity, readonly [mark: string, style: Style]>> = {
  ok: ['ok  ', 'green'],
  note: ['note', 'dim'],
  warning: ['warn', 'yellow'],
  error: ['FAIL', 'red'],
};
const INDENT = ' '.repeat(6);

/** The finding for people: good ones in a line, the others with cause and cure. Pure. */
export function findingLines(finding: Finding, output: Pick<Output, 'style' | 'command'>): string[] {
  const [mark, style] = finding.fix === 'done' ? (['done', 'green'] as const) : MARKS[finding.severity];
  const extra = [finding.cause, finding.fix === 'done' ? undefined : finding.cure].filter((text) => text !== undefined);
  const typed = (text: string): string => plain(text).replaceAll('`swarm ', `\`${output.command} `);
  const repairable =
    finding.fix === 'possible' ? [`${INDENT}${output.style('dim', typed('`swarm doctor --fix` does it.'))}`] : [];
  return [
    `${output.style(style, mark)}  ${typed(finding.text)}`,
    ...extra.map((text) => `${INDENT}${typed(text)}`),
    ...repairable,
  ];
}

/** The summary, which is the last line. Pure. */
export function summary(findings: readonly Finding[]): string {
  const blocking = findings.filter(blocks).length;
  const warnings = findings.filter(({ severity, fix }) => severity === 'warning' && fix !== 'done').length;
  const fixed = findings.filter(({ fix }) => fix === 'done').length;
  const parts = [
    ...(fixed > 0 ? [`${fixed} put right`] : []),
    ...(blocking > 0 ? [`${blocking} in the way`] : []),
    ...(warnings > 0 ? [`${warnings} to look at`] : []),
  ];
  if (parts.length === 0) return 'Nothing is in the way.';
  return `${blocking === 0 ? 'Nothing is in the way: ' : ''}${parts.join(', ')}.`;
}
