// What is said of each cause for which a picture fails: its name, and what to do.

/** @type {Record<string, string[]>} */
export const FAILURES = {
  unreadable: ["Damaged", "Restore the file from its source, then try again."],
  truncated: ["Cut off", "Copy the file again, then try again."],
  unsupported_format: ["No picture that is read", "Convert it to JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF, or leave it."],
  too_large: ["Too large", "Scale it down, or raise MAX_PIXELS or MAX_FILE_BYTES."],
  too_small: ["Too small", "Nothing: there is too little to compare."],
  empty: ["Empty file", "Restore the file from its source, then try again."],
  vanished: ["Gone", "Try again when the file is back. What was indexed before stays."],
  forbidden: ["May not be read", "Give the workers permission, or add the directory to IMAGE_ROOTS; then try again."],
  not_a_file: ["No file", "Name the file, or index the directory as a job of its own."],
  io_error: ["The disk failed", "Look at the mount or the disk, then try again."],
  unsupported_name: ["Name that cannot be stored", "Rename the file."],
  zero_vector: ["Nothing in it to compare", "Nothing: every distance to it would be meaningless."],
  wrong_pipeline: ["Another network", "Start the workers with the collection’s weights, or index into another one."],
  crashes_worker: ["Crashes the worker", "Look into the worker’s log, and report the picture."],
  invalid_line: ["Line of the manifest", "Correct the line that the reason names, and submit the manifest again."],
  vector_lost: ["Vector lost", "Restore the file from its source, then try again."],
  quota_exceeded: ["Beyond the quota", "Delete pictures, or have the quota raised; then try again."],
  key_taken: ["Key of another", "Delete the other picture, or give this one another key; then try again."],
  removed: ["Deleted meanwhile", "Submit it again if it shall come back."],
};
