/** The PATH by which plugins of networks find their own programs, such as iptables. */
export const pluginPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The interface of a container. */
export const interfaceName = 'eth0';

// The magic number of what a namespace is mounted as; include/uapi/linux/magic.h, as stat(1) writes it.
const namespaceMagic = '6e736673';

/**
 * Takes a container off its network and removes the folder of that, with nothing but a shell, because nothing of ours
 * runs any more when a container ends. Words: the folder, where plugins are, and the programs of the plugins, the last
 * that was added first; what each is to be told is in the file `delete-N.json`. It may run any number of times.
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
umount "$folder/netns" 2>/dev/null
rm -rf -- "$folder"
`;
