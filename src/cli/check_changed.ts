/** stub */
export function checkChanged(_: { config: string | undefined; url: string | undefined }): Promise<void> {
  return Promise.resolve();
}
