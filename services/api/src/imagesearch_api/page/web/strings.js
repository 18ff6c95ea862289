// Every sentence of the page. Numbers and names come in as arguments.

import { FAILURES } from "./failure_strings.js";

const NUMBER = new Intl.NumberFormat("en");
const MOMENT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const UNITS = ["B", "KB", "MB", "GB", "TB"];

/** @param {number} number */
export const count = (number) => NUMBER.format(number);

/**
 * @param {number} number
 * @param {string} one
 * @param {string} several
 */
export const counted = (number, one, several) => `${count(number)} ${number === 1 ? one : several}`;

/** @param {number} number */
export const distance = (number) => number.toFixed(number < 0.1 ? 4 : 3);

/** @param {string | null | undefined} text */
export const moment = (text) => (text ? MOMENT.format(new Date(text)) : "–");

/** @param {number | null | undefined} bytes */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(bytes || 1) / 10)));
  const value = bytes / 1024 ** power;
  return `${value.toFixed(power && value < 10 ? 1 : 0)} ${UNITS[power]}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** @param {string} path */
export const nameOf = (path) => path.slice(path.lastIndexOf("/") + 1) || path;

export const TEXT = {
  title: "Image search",
  skip: "Skip to the content",
  views: { search: "Search", library: "Library", jobs: "Jobs", duplicates: "Duplicates" },
  collection: "Collection",
  partition: "Partition",
  everyPartition: "All partitions",
  retry: "Try again",
  close: "Close",
  loading: "Loading…",
  notices: {
    untrained:
      "The network is untrained: it sees colours and textures, not things. For real answers start the workers with WEIGHTS=imagenet.",
    keyNeeded: "This system needs a key, and none that it knows came with the request.",
    /** @param {string} detail */
    away: (detail) => `Something the search needs does not answer. ${detail}`,
  },
  key: {
    title: "An API key is needed", field: "API key", go: "Sign in", decline: "Not now", leave: "Sign out",
    hint: "Ask whoever runs this system for one. It is asked for once: this browser stays signed in for a while.",
    wrong: "That key is not valid: it is misspelt, or it was revoked.",
  },
  errors: {
    slow: "An answer takes long: the network is slow, or something that the service needs does not answer.",
    silent: "The service cannot be reached. Is it running, and is this computer online?",
    /** @param {number} status */
    status: (status) => `The service answered with status ${status}.`,
  },
  search: {
    heading: "What looks like this?",
    drop: "Drop a picture here, paste one, or",
    dropNow: "Drop it to search by it",
    choose: "Choose a picture",
    camera: "Take a photo",
    url: "or by its address",
    urlHint: "https://…",
    urlGo: "Search",
    begin: "Or begin with a picture of this collection",
    query: "Searched by",
    /** @param {string} name */
    queryPicture: (name) => `The picture that is searched by: ${name}`,
    clear: "New search",
    part: "Search by a part",
    whole: "Search by all of it",
    another: "Add a picture",
    threshold: "At most this far away",
    anyDistance: "any distance",
    results: "Pictures that look alike",
    pictures: "Pictures of the collection",
    searching: "Searching…",
    /** @param {string} name @param {string} far */
    tile: (name, far) => `${name}, distance ${far}. Search by it`,
    /** @param {string} name */
    browsed: (name) => `${name}. Search by it`,
    /** @param {number} shown @param {boolean} isAll */
    found: (shown, isAll) => (isAll ? counted(shown, "picture", "pictures") : `${count(shown)} pictures so far`),
    /** @param {number} milliseconds */
    took: (milliseconds) => `in ${count(Math.round(milliseconds))} ms`,
    stage: { total: "in all" },
    nothing: "Nothing here looks like it.",
    nothingHint: "The collection holds no picture that could be compared.",
    filtered: "No picture passes the filter.",
    filteredHint: "Take a condition away to see more.",
    tooFar: "Nothing lies that near.",
    tooFarHint: "Move the slider to the right to see what is farther away.",
    lost: "The picture of this search is no longer here.",
    lostHint: "The address of a search holds no picture that was dropped or pasted. Drop it once more.",
    failed: "The search did not work.",
    noPicture: "That is no picture.",
    /** @param {string} most */
    tooLarge: (most) => `That picture is too large: at most ${most} can be sent.`,
  },
  filters: {
    open: "Filter",
    chosen: "What is filtered by",
    any: "any",
    from: "from", to: "to",
    none: "No picture here has metadata that one could filter by. “Edit labels” in the view of a picture gives it some.",
    /** @param {number} number */
    sampled: (number) => `What ${count(number)} of the pictures have; rare values may be missing.`,
    /** @param {unknown} value @param {number} images */
    value: (value, images) => `${value} (${count(images)})`,
    /** @param {"eq" | "ge" | "le"} op @param {string} field @param {unknown} value */
    condition: (op, field, value) => `${field} ${{ eq: "is", ge: "from", le: "to" }[op]} ${value}`,
    /** @param {string} text */
    drop: (text) => `No longer filter by: ${text}`,
  },
  empty: {
    noCollections: "Nothing is indexed yet.",
    noPictures: "This collection is empty.",
    hint: "Index a directory of pictures first; then drop a picture here to find what looks like it.",
    begin: "Index a directory",
  },
  jobs: {
    heading: "Jobs",
    start: "Index a directory",
    none: "No job has run yet.",
    noneHint: "A job reads all pictures beneath a directory of the server into a collection.",
    older: "Older jobs",
    kinds: { index: "Index", reindex: "Rebuild", duplicates: "Find duplicates" },
    single: "a single picture",
    states: {
      planning: "Planning", running: "Running", paused: "Paused", succeeded: "Done",
      completed_with_failures: "Done, some failed", failed: "Broke off", cancelled: "Cancelled",
    },
    outcomes: { indexed: "indexed", unchanged: "unchanged", failed: "failed", cancelled: "cancelled", left: "to do" },
    /** @param {number} number */
    removed: (number) => `${counted(number, "image", "images")} removed that had no file any more`,
    /** @param {string} collection */
    into: (collection) => `into ${collection}`,
    /** @param {number} done @param {number} total */
    progress: (done, total) => `${count(done)} of ${count(total)}`,
    /** @param {number} rate */
    rate: (rate) => `${rate.toFixed(rate < 10 ? 1 : 0)} a second`,
    /** @param {string} time */
    eta: (time) => `about ${time} left`,
    stalled: "It has not moved for a while: are the workers running?",
    acts: { pause: "Pause", resume: "Go on", cancel: "Cancel", retry: "Try the failed ones again" },
    cancelSure: "Cancel this job? What is indexed stays; the rest is left out.",
    cancelYes: "Cancel the job",
    cancelNo: "Let it go on",
    failures: "What failed, and what to do",
    /** @param {number} read */
    failuresCut: (read) => `Grouped from the first ${count(read)}.`,
    seePictures: "See the collection",
    seeDuplicates: "See the duplicates",
  },
  region: {
    title: "Search by a part of the picture",
    hint: "Draw a box with the mouse or a finger; the arrow keys move it, with Shift they change its size.",
    frame: "The part to search by",
    go: "Search by this part",
  },
  viewer: {
    title: "Picture",
    previous: "Previous picture",
    next: "Next picture",
    /** @param {string} name */
    about: (name) => `About ${name}`,
    search: "Search by it",
    open: "Open the file",
    edit: "Edit labels",
    remove: "Delete",
    compare: "Compare with the query",
    compareNot: "See it alone",
    swipe: "How much of the query is shown",
    facts: {
      distance: "Distance", path: "Path", size: "Size", format: "Format", partition: "Partition", job: "Job",
      indexed: "Indexed", id: "Id", digest: "SHA-256",
    },
    /** @param {number} width @param {number} height @param {string} bytes */
    dimensions: (width, height, bytes) => `${count(width)} × ${count(height)} pixels, ${bytes}`,
    gone: "This picture is no longer in the collection.",
  },
  labels: {
    title: "Edit labels",
    partition: "Partition",
    name: "Field", value: "Value",
    add: "Add a field", remove: "Remove the field",
    save: "Save",
    hint: "A value that reads as a number, true or false is one; put it into quotation marks to make it a text.",
  },
  undo: {
    /** @param {number} number @param {number} seconds */
    waiting: (number, seconds) => `${counted(number, "picture is", "pictures are")} deleted in ${seconds} s.`,
    undo: "Undo",
    /** @param {string} why */
    failed: (why) => `Not deleted: ${why}`,
  },
  library: {
    heading: "Library",
    collections: "Collections",
    /** @param {number} images */
    images: (images) => counted(images, "picture", "pictures"),
    network: "Network",
    fingerprint: "Fingerprint",
    index: "Index",
    since: "Since",
    noNetwork: "none yet",
    add: "Add pictures",
    addFolder: "Add a folder",
    noUploads: "Pictures cannot be sent here: the operator has set no UPLOAD_ROOT. A job indexes what the server can read.",
    dropNow: "Drop them to add them to this collection",
    pictures: "Pictures of the collection",
    empty: "This collection is empty.",
    emptyHint: "Drop pictures here to add them, or index a directory of the server.",
    /** @param {string} name */
    tile: (name) => `${name}. See it whole`,
  },
  uploads: {
    heading: "Sending",
    /** @param {number} done @param {number} all @param {number} failed */
    progress: (done, all, failed) => `${count(done)} of ${count(all)} sent${failed ? `, ${count(failed)} refused` : ""}`,
    stop: "Stop",
    dismiss: "Close this list",
    /** @param {string} name */
    each: (name) => `Sending ${name}`,
  },
  duplicates: {
    heading: "Duplicates",
    distance: "How far apart at most",
    look: "Look again",
    looking: "Looking…",
    tooMany: "This collection is too large to wait for: a job looks through it.",
    asJob: "Look in a job",
    untrained: "The network is untrained: all pictures lie near each other to it. Only “the same file” is sure.",
    none: "No pictures here are that much alike.",
    noneHint: "A larger distance finds pictures that are less alike.",
    exact: "The same file",
    near: "Alike",
    keep: "Keep",
    remove: "Delete",
    /** @param {string} name @param {boolean} isKept */
    picture: (name, isKept) => `${name}: ${isKept ? "it is kept" : "it is deleted"}`,
    suggested: "suggested",
    /** @param {number} going */
    resolve: (going) => `Delete ${counted(going, "picture", "pictures")}`,
    leave: "Keep all",
    /** @param {number} groups */
    resolveExact: (groups) => `Resolve ${counted(groups, "group", "groups")} of the same files`,
    /** @param {number} going */
    sure: (going) => `Delete ${counted(going, "picture", "pictures")} whose bytes are kept in another file? Files of the library stay on the disk.`,
    yes: "Delete them",
    no: "Delete nothing",
    keys: "Keys: ↑ ↓ another group, 1–9 keep or delete a picture, Enter delete, S keep all.",
    /** @param {number} groups @param {boolean} isAll */
    found: (groups, isAll) => `${counted(groups, "group", "groups")}${isAll ? "" : " so far"}`,
    /** @param {string} kind @param {number} number */
    group: (kind, number) => `${kind}, ${counted(number, "picture", "pictures")}`,
  },
  start: {
    title: "Index a directory",
    places: "Directories that may be read",
    up: "Up",
    noPlaces: "The operator has named no directory that may be read: see IMAGE_ROOTS.",
    noneHere: "No directories in here.",
    cut: "There are more directories than are shown.",
    chosen: "Chosen",
    chooseOne: "Choose where to begin.",
    collection: "Into the collection",
    collectionRule: "Letters, digits, “_”, “.” and “-”",
    partition: "Partition (optional)",
    recursive: "Directories within it as well",
    prune: "Remove from the collection what no longer lies there",
    go: "Start",
  },
  failures: FAILURES,
};
