/** The PATH by which plugins of networks find their own programs, such as iptables. */
export const pluginPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The interface of a container. */
export const interfaceName = 'eth0';

/** In the folder of a network: what its tunnel holds locked as long as it runs, if it has one, and the number of that. */
export const tunnelLock = 'tunnel.lock';
export const tunnelNumber = 'tunnel.pid';

// The magic number of what a namespace is mounted as; include/uapi/linux/magic.h, as stat(1) writes it.
const namespaceMagic = '6e736673';

/**
 * Takes a container off its network and removes the folder of that, with nothing but a shell, because nothing of ours
 * runs any more when a container ends. Words: the folder, where plugins are, and the programs of the plugins, the last
 * that was added first; what each is to be told is in the file `delete-N.json`. It may run any number of times.
 *
 * A tunnel has ended when this has: its ports are free. That it holds its lock says that its number means it.
 *
 * The namespace is unmounted where this runs; unlinking the file unmounts it in every other mount namespace (since
 * Linux 3.18), also in the host's if this is that of a container's runtime.
 */
export const releaseScript = `
folder=$1 CNI_PATH=$2 PATH=${pluginPath}
CNI_COMMAND=DEL CNI_CONTAINERID=\${folder##*/} CNI_IFNAME=${interfaceName} CNI_NETNS=
export PATH CNI_PATH CNI_COMMAND CNI_CONTAINERID CNI_IFNAME CNI_NETNS
shift 2
[ -d "$folder" ] || exit 0
[ "$(stat -f -c %t "$folder/netns" 2>/dev/null)" = ${namespaceMagic} ] && CNI_NETNS=$folder/netns
failed=0 number=0
for plugin; do
  request=$folder/delete-$number.json number=$((number + 1))
  [ -e "$request" ] || continue
  "$plugin" <"$request" || failed=1
done
[ $failed = 0 ] || exit 1
if [ -e "$folder/${tunnelLock}" ]; then
  flock -n "$folder/${tunnelLock}" true || kill -9 "$(cat "$folder/${tunnelNumber}")"
  flock "$folder/${tunnelLock}" true
fi
umount "$folder/netns" 2>/dev/null
rm -rf -- "$folder"
`;
