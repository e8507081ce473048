// Package heads signs the heads of a log, keeps the newest in a file beside it, and proves from
// a signed head what is in the log.
//
// The key is made before the first record of a log, and the log names it: from then on a log
// whose key or head is missing, and one that does not contain its head, is not opened. A head is
// written after the records that it covers are durable, so a log is often ahead of its head,
// and never behind it.
//
// A log is also compared with the newest head that each anchor keeps of it, if that can be read. One that does not
// contain it was rolled back, and is not opened either, unless it says that it was restored.
//
// A failure to write a head is reported once and holds up nothing.
package heads
