// The CronJob controller's cron library, asked line by line: expression, zone and Unix time in, the next slots out.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		parts := strings.Split(lines.Text(), "\t")
		var from int64
		var count int
		fmt.Sscan(parts[2], &from, &count)
		schedule, err := cron.ParseStandard("TZ=" + parts[1] + " " + parts[0])
		if err != nil {
			fmt.Println("refused", err)
			continue
		}
		moment := time.Unix(from, 0)
		slots := []string{}
		for range count {
			moment = schedule.Next(moment)
			if moment.IsZero() {
				break
			}
			slots = append(slots, fmt.Sprint(moment.Unix()))
		}
		fmt.Println("slots", strings.Join(slots, " "))
	}
}
