/**
 * The content of a pane, as last evidence: these forms were seen of Claude Code 2.1, and it does not promise them. An
 * unknown form proves nothing.
 */
export type ScreenKind =
  | 'trust'
  | 'login'
  | 'api-key'
  | 'resume'
  | 'theme'
  | 'settings'
  | 'auto-mode'
  | 'retrying'
  | 'suspended';

export interface ScreenView {
  kind: ScreenKind;
  /** Its text, one line. */
  text: string;
}

/** Lines at the end of a screen that may be a dialog; the agent's own text stands above its composer. */
const DIALOG_LINES = 25;
/** Lines just above the composer, which show what is going on. */
const STATUS_LINES = 8;

const RETRYING = /^\s*[✻●✢✳✶·*]\s+(.*retrying in \S+.*attempt (\d+)\/(\d+).*)$/;
const SUSPENDED = /^Claude Code is suspended\./;
/** A composer means that no dialog is open: a dialog stands in its place. */
const COMPOSER = /^[\s│]*❯(?:\s|\u00a0|$)/;
const CHOICE = /^\s*❯\s*\d+\.\s/;

/** Comes in the middle of a turn, below the prompt that looks like a composer. */
const AUTO_MODE = /changing auto mode to no longer charge/i;

const DIALOGS: readonly (readonly [kind: ScreenKind, pattern: RegExp])[] = [
  ['trust', /Accessing workspace|Do you trust the files|trust this folder/i],
  ['api-key', /Detected a custom API key/i],
  ['login', /Select login method|Paste code here|Please run \/login|Login successful/i],
  ['resume', /Resume (?:a )?(?:session|conversation)|Resume from summary/i],
  ['theme', /Choose the text style|Let's get started/i],
  ['settings', /Settings (?:Error|Warning)|New MCP server found/i],
  ['auto-mode', AUTO_MODE],
];

/** Whether a dialog there waits for a person, and stops all work until then. */
export function isDialog(view: ScreenView | null): boolean {
  return view !== null && view.kind !== 'retrying' && view.kind !== 'suspended';
}

const ANSI = /\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g;

/** Recognises the content of a screen. Pure. Null: no known form. @param screen with or without colours */
export function readScreen(screen: string): ScreenView | null {
  const lines = screen
    .replaceAll(ANSI, '')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line.trim() !== '');
  const suspended = lines.slice(-3).find((line) => SUSPENDED.test(line));
  if (suspended !== undefined) return { kind: 'suspended', text: suspended };
  const end = lines.slice(-DIALOG_LINES);
  const composer = end.findLastIndex((line) => COMPOSER.test(line) && !CHOICE.test(line));
  if (composer < 0) return dialogOf(end);
  const notice = end.slice(composer).filter((line) => AUTO_MODE.test(line));
  if (notice.length > 0) return dialogOf(notice);
  const status = end.slice(Math.max(0, composer - STATUS_LINES), composer).findLast((line) => RETRYING.test(line));
  const text = status === undefined ? undefined : RETRYING.exec(status)?.[1];
  return text === undefined ? null : { kind: 'retrying', text };
}

function dialogOf(lines: readonly string[]): ScreenView | null {
  for (const [kind, pattern] of DIALOGS) {
    const line = lines.find((one) => pattern.test(one));
    if (line !== undefined) return { kind, text: line.replace(/^[\s│╭╰─]+|[\s│╮╯─]+$/g, '') };
  }
  return null;
}
