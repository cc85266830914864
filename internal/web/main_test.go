package web_test

import (
	"testing"

	"parley/internal/parleytest"
)

func TestMain(m *testing.M) { parleytest.Main(m, closeChromium) }
