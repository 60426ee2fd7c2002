// Child processes of a benchmark, and what the kernel says they used.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import readline from 'node:readline';

export interface Child {
  readonly pid: number;
  /** The next line of standard output; rejects when the process ends first. */
  line(): Promise<string>;
  send(line: string): void;
  /** SIGTERM, then waits for the end. */
  stop(): Promise<void>;
}

export function start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const child: ChildProcess = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (child.pid === undefined || child.stdout === null) throw new Error(`${command} did not start`);
  const lines: string[] = [];
  const waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];
  let ended = false;
  readline.createInterface({ input: child.stdout }).on('line', (line) => {
    const next = waiting.shift();
    if (next) next.resolve(line);
    else lines.push(line);
  });
  const exit = new Promise<void>((resolve) => {
    child.on('exit', (code, signal) => {
      ended = true;
      for (const { reject } of waiting.splice(0)) reject(new Error(`${command} ended with ${code ?? signal}`));
      resolve();
    });
  });
  return {
    pid: child.pid,
    line: () => {
      const line = lines.shift();
      if (line !== undefined) return Promise.resolve(line);
      if (ended) return Promise.reject(new Error(`${command} has ended`));
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    send: (line) => {
      child.stdin?.write(`${line}\n`);
    },
    stop: async () => {
      if (!ended) child.kill('SIGTERM');
      await exit;
    },
  };
}

const TICKS_PER_SECOND = 100;

/** CPU seconds (user and system) that a process has used, from the kernel; Linux only. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export async function until(what: string, timeoutMs: number, check: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
