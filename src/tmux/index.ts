export { attachArgv, type AttachCommand, type AttachInput } from './attach.ts';
export type { Reached, TmuxErrorCode } from './errors.ts';
export type { TmuxAddress } from './client-program.ts';
export { inspectTmux, runTmux, type TmuxVersion } from './one-shot.ts';
export type { ClientRow, PaneRow } from './rows.ts';
export {
  Tmux,
  type CaptureOptions,
  type CreatedSession,
  type NewSession,
  type TmuxExit,
  type TmuxOptions,
} from './tmux.ts';
