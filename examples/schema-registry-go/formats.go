package main

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
)

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// isOfFormat is true for everything if the format is not known here.
func isOfFormat(text, format string) bool {
	switch format {
	case "date":
		_, err := time.Parse("2006-01-02", text)
		return err == nil
	case "email":
		return strings.Contains(text, "@")
	case "ipv4":
		address, err := netip.ParseAddr(text)
		return err == nil && address.Is4()
	case "ipv6":
		address, err := netip.ParseAddr(text)
		return err == nil && address.Is6()
	case "uuid":
		return uuid.MatchString(text)
	}
	return true
}
