package client

import (
	"slices"
)

// unread is what of a [Timeline] the person has not been shown: so many messages as LIST has counted, and those that were told after them.
type unread struct {
	Read int64 // id of the newest message that the person has been shown, as far as is known

	known     bool    // LIST has told where reading had stopped
	counted   int     // unread messages up to countedTo, by LIST
	countedTo int64   // everything up to here is in counted
	fresh     []int64 // ids of unread messages after that, ascending
	mentions  []int64 // ids of unread messages that mention the account, ascending
}

// maxNoted bounds how many ids of messages are kept one by one: of those that are unread, that mention the account, that were taken back.
const maxNoted = 4096

// Unread is how many messages of others the person has not been shown.
func (u *unread) Unread() int { return u.counted + len(u.fresh) }

// Mentions is how many of them mention the account; those that were not told are not known.
func (u *unread) Mentions() int { return min(len(u.mentions), u.Unread()) }

// take takes LIST's count, which is of a position not before this one.
func (u *unread) take(room Room) {
	u.read(room.Seen)
	u.counted, u.countedTo = room.Unread, room.LastID
	u.fresh = slices.DeleteFunc(u.fresh, func(id int64) bool { return id <= room.LastID })
}

// add counts an unread message. shed tells that there were too many to know them one by one.
func (u *unread) add(id int64, mention bool) (shed bool) {
	if i, found := slices.BinarySearch(u.mentions, id); mention && !found && len(u.mentions) < maxNoted {
		u.mentions = slices.Insert(u.mentions, i, id)
	}
	i, found := slices.BinarySearch(u.fresh, id)
	if found || id <= u.countedTo {
		return false
	}
	u.fresh = slices.Insert(u.fresh, i, id)
	if len(u.fresh) <= maxNoted {
		return false
	}
	u.counted, u.countedTo = u.Unread(), u.fresh[len(u.fresh)-1]
	u.fresh = nil
	return true
}

// uncount takes back an unread message of somebody else; false: only LIST tells whether it was counted.
func (u *unread) uncount(id int64) (exact bool) {
	_, exact = slices.BinarySearch(u.fresh, id)
	u.forget(id)
	if !exact && id <= u.countedTo {
		u.counted = max(0, u.counted-1)
	}
	return exact
}

// forget takes that an unread message is gone, which LIST knows where it has counted it.
func (u *unread) forget(id int64) {
	is := func(other int64) bool { return other == id }
	u.mentions = slices.DeleteFunc(u.mentions, is)
	u.fresh = slices.DeleteFunc(u.fresh, is)
}

// read moves how far the room was read, never back; false: only LIST tells what is left.
func (u *unread) read(id int64) (exact bool) {
	u.Read = max(u.Read, id)
	read := func(id int64) bool { return id <= u.Read }
	u.fresh = slices.DeleteFunc(u.fresh, read)
	u.mentions = slices.DeleteFunc(u.mentions, read)
	if u.Read >= u.countedTo {
		u.counted = 0
	}
	return u.counted == 0
}

// show is read for the newest message that is here: those after it are told one by one.
func (u *unread) show(id int64) {
	if id > u.Read {
		u.read(id)
		u.counted, u.countedTo = 0, min(u.countedTo, u.Read)
	}
}
