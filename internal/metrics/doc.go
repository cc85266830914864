// Package metrics shows how a server is: numbers for Prometheus, whether the process lives, and whether who comes now would be served.
//
// The other packages count by themselves and know nothing of Prometheus; here their Stats become metrics, when somebody asks. Only what is a
// distribution is told as it happens, by the function fields of their options. No label has a value that a stranger chooses: what can
// be one stands in the table [families] or in the package that counts it.
package metrics
