import type { ClaudeEvent } from './events.ts';
import type { OpenPermission } from './turn.ts';
import type { ToolHandlers } from './tools.ts';

export interface EndpointOptions {
  /** Bearer token that every request must carry. */
  token: string;
  /**
   * Directory (made 0700 if absent, owned by this endpoint) where the commands that cannot speak HTTP drop what they
   * know: SessionStart and the status line. The same path goes to `prepareLaunch`.
   */
  hookDir: string;
  /** Must not throw; a throw is logged. Called in the order of arrival. */
  onEvent(event: ClaudeEvent): void;
  tools: ToolHandlers;
  log(message: string, facts?: Record<string, unknown>): void;
}

export type PermissionDecision = { behavior: 'allow' } | { behavior: 'deny'; message: string };

export interface Endpoint extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Requests that are held open now, oldest first. */
  pendingPermissions(): OpenPermission[];
  /** False when that request is not open (any more): answered in the pane, gone, or never known. */
  decidePermission(requestId: string, decision: PermissionDecision): boolean;
  close(): Promise<void>;
}

export declare function openEndpoint(options: EndpointOptions): Promise<Endpoint>;
