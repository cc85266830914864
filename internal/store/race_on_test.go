//go:build race

package store_test

const race = true // SQLite is many times slower then
