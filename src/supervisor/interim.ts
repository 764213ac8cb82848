import type { AgentStatus } from '../domain/agent.ts';
export function judge(f: any, _now: number): { status: AgentStatus; reason: string; rule: string } {
  const r = (status: AgentStatus, reason = '') => ({ status, reason, rule: 'interim' });
  const p = f.lifecycle.phase;
  if (p === 'failed') return r('failed', f.lifecycle.detail);
  if (p === 'blocked') return r('needs-you', f.lifecycle.detail);
  if (p === 'stopping') return r('stopping');
  if (f.desired === 'stopped') return r('stopped');
  if (p === 'recovering' || p === 'backoff') return r('recovering', f.lifecycle.detail);
  const s = f.snapshot;
  if (!f.link.connected || s === null) return r('starting');
  if (s.failure) return r('failed', s.failure);
  if (s.needsYou.length) return r('needs-you', s.needsYou[0].text);
  if (s.paused) return r('paused');
  if (s.held) return r('held', s.held.detail);
  if (s.tasks.length || s.turn === 'busy') return r('working');
  if (s.kind === 'claude' && ['none', 'starting'].includes(s.turn)) return r('starting');
  return r('idle');
}
