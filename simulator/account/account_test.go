package account_test

import (
	"testing"

	"causeway/simulator/account"
	"causeway/simulator/signal"

	"github.com/stretchr/testify/require"
)

func TestLIDs(t *testing.T) {
	t.Parallel()
	one, same, other := account.NewRegister(1), account.NewRegister(1), account.NewRegister(2)
	const number = "491700000001"
	lid := one.LID(number)
	require.Len(t, lid.User, 15)
	require.Equal(t, lid, same.LID(number))
	require.NotEqual(t, lid, other.LID(number))
	require.NotEqual(t, lid, one.LID("491700000002"))
	a, err := one.Add(number, "A", nil, signal.Bundle{})
	require.NoError(t, err)
	require.Equal(t, lid, a.LID)
	require.Equal(t, a, one.Find(a.LID))
	require.Equal(t, a, one.Find(a.PN))
	require.Len(t, one.All(), 1)
	_, err = one.Add(number, "A", nil, signal.Bundle{})
	require.ErrorIs(t, err, account.ErrRefused)
}

func TestDevices(t *testing.T) {
	t.Parallel()
	r := account.NewRegister(1)
	a, err := r.Add("491700000001", "A", nil, signal.Bundle{})
	require.NoError(t, err)
	number, err := a.Reserve()
	require.NoError(t, err)
	d := &account.Device{Number: number, OneTime: []signal.PreKey{{ID: 7}}}
	a.Link(d)
	require.Equal(t, "491700000001:1", d.Name())
	require.Equal(t, d, r.Device(d.LID()))
	require.Equal(t, d, r.Device(d.PN()))
	require.EqualValues(t, 7, d.Bundle().OneTime.ID)
	require.Nil(t, d.Bundle().OneTime, "a one-time prekey is given away once")
	a.Unlink(number)
	require.Nil(t, r.Device(d.LID()))
	next, err := a.Reserve()
	require.NoError(t, err)
	require.EqualValues(t, 2, next, "numbers are not used again")
}

func TestDigits(t *testing.T) {
	t.Parallel()
	require.NoError(t, account.Digits("491700000001"))
	for _, bad := range []string{"", "123", "0491700000001", "+491700000001", "49170000000x", "4917000000012345"} {
		require.ErrorIs(t, account.Digits(bad), account.ErrInvalid, bad)
	}
}
