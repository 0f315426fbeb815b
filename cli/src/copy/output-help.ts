/** What `--output` of a build takes, for help texts. */
export const outputHelp = `
An output is one of
  oci:FOLDER             an image layout in a folder
  oci-archive:FILE       an image layout in one file
  docker-archive:FILE    what docker load reads; one platform
  rootfs:FOLDER          the files of the image; one platform`;
