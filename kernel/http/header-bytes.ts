/** The most bytes of headers that a request from outside may have. */
export const outsideHeaderBytes = 32 * 1024;

/**
 * The most that one of another process of the deployment may have, which says who calls with all their roles. Node's HTTP/2 takes
 * headers of nine frames, 144 KiB, and ends the connection for every call on it beyond that.
 */
export const peerHeaderBytes = 128 * 1024;
