import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { makeBusyboxTree } from '../testing/busybox-tree.ts';
import { each, run } from '../testing/launch-harness.ts';

each('system calls outside of the list are refused as a program expects it', async (t, runtime) => {
  if (!needsTool(t, 'gcc')) return;
  const folder = temporaryFolder(t);
  makeBusyboxTree(join(folder, 'tree'));
  writeFileSync(join(folder, 'probe.c'), probeSource);
  execFileSync('gcc', ['-static', '-O1', '-o', join(folder, 'tree/bin/probe'), join(folder, 'probe.c')]);
  const { lines, stderr } = await run(t, runtime, 'probe', {
    tree: join(folder, 'tree'),
    runFolder: join(folder, 'run'),
  });
  t.deepEqual(
    lines,
    [
      'getpid 0',
      'mount 1',
      'unshare 1',
      'clone-newuser 38',
      'clone3 38',
      'keyctl 1',
      'bpf 1',
      'perf_event_open 1',
      'io_uring_setup 1',
      'userfaultfd 1',
      'open_by_handle_at 1',
      'unknown 38',
      'personality 0',
      'personality-bug 38',
      'socket-inet 0',
      'socket-unix 0',
      'socket-netlink 0',
      'socket-packet 97',
      'socket-alg 97',
      'socket-vsock 97',
      'socket-alg-high-bit 97',
      'socket-bluetooth 38',
    ],
    stderr,
  );
});

const probeSource = `
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
static void probe(const char *name, long result) {
  printf("%s %d\\n", name, result == -1 ? errno : 0);
}
int main(void) {
  probe("getpid", syscall(SYS_getpid));
  probe("mount", syscall(SYS_mount, "a", "/tmp", "tmpfs", 0, 0));
  probe("unshare", syscall(SYS_unshare, 0x10000000));
  probe("clone-newuser", syscall(SYS_clone, 0x10000000 | 17, 0, 0, 0, 0));
  probe("clone3", syscall(SYS_clone3, 0, 0));
  probe("keyctl", syscall(SYS_keyctl, 0, 0));
  probe("bpf", syscall(SYS_bpf, 0, 0, 0));
  probe("perf_event_open", syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
  probe("io_uring_setup", syscall(SYS_io_uring_setup, 1, 0));
  probe("userfaultfd", syscall(SYS_userfaultfd, 0));
  probe("open_by_handle_at", syscall(SYS_open_by_handle_at, 0, 0, 0));
  probe("unknown", syscall(1000));
  probe("personality", syscall(SYS_personality, 0xffffffffUL));
  probe("personality-bug", syscall(SYS_personality, 0x0400000UL));
  probe("socket-inet", syscall(SYS_socket, 2, 1, 0));
  probe("socket-unix", syscall(SYS_socket, 1, 1, 0));
  probe("socket-netlink", syscall(SYS_socket, 16, 3, 0));
  probe("socket-packet", syscall(SYS_socket, 17, 3, 0));
  probe("socket-alg", syscall(SYS_socket, 38, 5, 0));
  probe("socket-vsock", syscall(SYS_socket, 40, 1, 0));
  probe("socket-alg-high-bit", syscall(SYS_socket, 0x100000026UL, 5, 0));
  probe("socket-bluetooth", syscall(SYS_socket, 31, 3, 0));
  return 0;
}
`;
